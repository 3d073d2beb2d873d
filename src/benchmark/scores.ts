/** The built-in judge's scores, C, F, I and H, from readings: of one answer, or of the means of many. */

import type { z } from 'zod';
import { fluencyOf, type JudgedAnswer, type Scores, scoresOf } from '../fitting/measure/steering-scores.js';
import type { AnswerRecord, Reading } from './records.js';

export type ReadingValues = z.output<typeof Reading>;

/** Below this F an answer is no success, whatever it shows: where a concept's `max_strength` lies. */
export const fluentEnough = 0.5;

/** @param sampled compared with references of the same kind: in one run all are */
export const judgedOf = (reading: Omit<ReadingValues, 'explained_by' | 'identified'>): JudgedAnswer => ({
  question: 0,
  sampled: false,
  evidence: reading.evidence,
  identified: null,
  logProbability: reading.log_probability,
  relevance: reading.relevance,
  distinct2: reading.distinct_2,
  failed: reading.failed,
});

export interface PlainAndTold {
  readonly plain: readonly JudgedAnswer[];
  readonly told: readonly JudgedAnswer[];
}

/**
 * Of one answer.
 * @param reference plain and told answers to all prompts of the concept: to a single one they would be too few to
 *   measure shares by
 */
export function scoresOfAnswer(
  reading: ReadingValues,
  reference: PlainAndTold,
): Pick<AnswerRecord, 'scores' | 'success'> {
  const judged = judgedOf(reading);
  const scores = asFields(scoresOf([judged], reference));
  const fluent = fluencyOf([judged], reference) >= fluentEnough;
  return { scores, success: reading.identified === true && fluent && !reading.failed };
}

export const asFields = ({ concept, fluency, instruction, harmonic }: Scores) => ({
  concept: concept === null ? null : rounded(concept),
  fluency: rounded(fluency),
  instruction: rounded(instruction),
  harmonic: rounded(harmonic),
});

const rounded = (value: number) => Math.round(value * 1e4) / 1e4;
