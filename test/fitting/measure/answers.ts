/** Judged answers for tests, made of what matters in each. */
import type { JudgedAnswer } from '../../../src/fitting/measure/steering-scores.js';

export const judgedAnswer = (more: Partial<JudgedAnswer> = {}): JudgedAnswer => ({
  question: 0,
  sampled: false,
  evidence: 0,
  identified: false,
  logProbability: -0.5,
  relevance: 1,
  distinct2: 1,
  failed: false,
  ...more,
});

/** To `count` questions, a greedy one and a drawn one each. */
export function judgedAnswers(
  count: number,
  of: (question: number, sampled: boolean) => Partial<JudgedAnswer>,
): JudgedAnswer[] {
  return Array.from({ length: count }, (_, question) =>
    [false, true].map((sampled) => judgedAnswer({ question, sampled, ...of(question, sampled) })),
  ).flat();
}
