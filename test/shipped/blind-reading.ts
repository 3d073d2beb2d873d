/**
 * A reading without names: answers of every shipped concept at strengths 0.5 and 1, in an order that says nothing, for
 * people to sort; the key lies beside them.
 */

import { mapConcurrent } from '../../src/common/map-concurrent.js';
import { Random } from '../../src/common/random.js';
import type { Concept } from '../../src/concepts/concept.js';
import { type ActivationEdit, greedy } from '../../src/engine/protocol.js';
import { writeAnswer } from '../../src/fitting/answers/write-answer.js';
import { addEverywhere } from '../../src/fitting/measure/unit-edit.js';
import { conceptRole, questionTokens } from '../../src/fitting/recipes/concept-prompt.js';
import type { LoadedModel } from '../../src/models/model.js';

/** Seen by no fit and no calibration. */
export const readingPrompts: readonly string[] = [
  'What did you do this weekend?',
  'Tell me about your morning.',
  'What should I cook for dinner?',
  'Describe the view from your hotel.',
  'Give me a tip for a long journey.',
  'Tell me a story about a small town.',
];
const strengths = [0.5, 1] as const;
const maxTokens = 40;

export interface ReadAnswer {
  readonly concept: string;
  readonly strength: number;
  readonly prompt: number;
  readonly sampled: boolean;
  readonly tokens: readonly number[];
  readonly text: string;
}

/** Every concept, strength and prompt, greedy and at temperature 0.8; the same on every run. */
export async function readingAnswers(
  model: LoadedModel,
  concepts: readonly Concept[],
  signal: AbortSignal,
): Promise<ReadAnswer[]> {
  const prompts = readingPrompts.map((prompt) => questionTokens(model, prompt, null));
  const jobs = concepts.flatMap((concept) =>
    strengths.flatMap((strength) => {
      const add = concept.calibration.coefficients.map((coefficient) => strength * coefficient);
      const edit = addEverywhere(concept, add);
      return prompts.flatMap((tokens, prompt) =>
        [false, true].map((sampled) => ({ concept: concept.name, strength, prompt, sampled, tokens, edit })),
      );
    }),
  );
  return answersTo(model, jobs, signal);
}

/** What the model answers when it is told each message instead: what steering is compared with. */
export function toldAnswers(
  model: LoadedModel,
  concepts: readonly { readonly name: string; readonly message: string }[],
  signal: AbortSignal,
): Promise<ReadAnswer[]> {
  const jobs = concepts.flatMap(({ name, message }) => {
    const stated = { prefix: message, role: conceptRole(model, message) };
    return readingPrompts.flatMap((question, prompt) =>
      [false, true].map((sampled) => ({
        concept: name,
        strength: 0,
        prompt,
        sampled,
        tokens: questionTokens(model, question, stated),
        edit: [],
      })),
    );
  });
  return answersTo(model, jobs, signal);
}

type Job = Omit<ReadAnswer, 'text'> & { readonly edit: ActivationEdit };

function answersTo(model: LoadedModel, jobs: readonly Job[], signal: AbortSignal): Promise<ReadAnswer[]> {
  return mapConcurrent(jobs, 8, signal, async ({ tokens: prompt, edit, ...job }, index, either) => {
    const sampling = job.sampled ? { ...greedy, temperature: 0.8, topP: 0.95, seed: index } : greedy;
    const { tokens } = await writeAnswer(model, { prompt, maxTokens, sampling, edit }, either);
    return { ...job, tokens, text: model.tokenizer.decode(tokens, { skipSpecialTokens: true }) };
  });
}

/** The same answers in an order drawn with a fixed seed, numbered from 1. */
export function shuffled(answers: readonly ReadAnswer[]): ReadAnswer[] {
  const random = new Random(1);
  const order = [...answers];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random.uniform() * (i + 1));
    [order[i], order[j]] = [order[j] as ReadAnswer, order[i] as ReadAnswer];
  }
  return order;
}

/** Markdown: what a reader is given. */
export function readingSheet(order: readonly ReadAnswer[], names: readonly string[]): string {
  const lines = order.map(
    ({ prompt, text }, i) => `${i + 1}. *${readingPrompts[prompt]}* ${text.replace(/\s+/g, ' ').trim()}`,
  );
  return `# A reading without names

Each answer was steered by one of: ${[...names].sort().join(', ')}. Write down which, or that none shows, and whether the text is
broken (loops, word salad). The key is in [key.json](key.json).

${lines.join('\n')}
`;
}

/** By number: what made it. */
export const readingKey = (order: readonly ReadAnswer[]) =>
  order.map(({ concept, strength, sampled }, i) => ({ answer: i + 1, concept, strength, sampled }));
