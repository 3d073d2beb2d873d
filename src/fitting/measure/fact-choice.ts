/**
 * Whether a model still knows a fact: the likeliest of four ways to go on with a begun answer is the right one. Nothing is
 * written freely, so that small models can be asked too and one run of the prompt does.
 */

import { commonLength } from '../../common/common-length.js';
import { type ActivationEdit, greedy } from '../../engine/protocol.js';
import type { LoadedModel } from '../../models/model.js';
import type { Fact } from '../statements/facts.js';

export interface FactChoice {
  /** Token ids of the question and the begun answer, as far as the four ways agree. */
  readonly prompt: readonly number[];
  /** The rest of each way, at least one token; the right one first. */
  readonly ways: readonly (readonly number[])[];
}

/** @param question token ids of the question, up to where the answer begins. */
export function factChoice(
  { tokenizer }: Pick<LoadedModel, 'tokenizer'>,
  question: readonly number[],
  { begun, right, wrong }: Fact,
): FactChoice {
  // The full stop keeps any way from being the beginning of another.
  const answers = [right, ...wrong].map((way) =>
    tokenizer.encode(`${begun} ${way}.`, { addSpecialTokens: false }),
  );
  const [first = []] = answers;
  const agreed = Math.min(...answers.slice(1).map((answer) => commonLength(answer, first)));
  return {
    prompt: [...question, ...first.slice(0, agreed)],
    ways: answers.map((answer) => answer.slice(agreed)),
  };
}

/**
 * Whether the right way is the likeliest. Where its first token tells it from the others that token decides (one run);
 * else the log-probability of the whole way does (four runs).
 * @throws what the engine throws; the signal's reason when aborted.
 */
export async function choosesRight(
  { engine }: Pick<LoadedModel, 'engine'>,
  { prompt, ways }: FactChoice,
  edit: ActivationEdit,
  signal: AbortSignal,
): Promise<boolean> {
  const [right, ...wrong] = ways.map(([token]) => token as number) as [number, ...number[]];
  if (!wrong.includes(right)) {
    const steps = engine.generate(
      {
        prompt,
        maxTokens: 1,
        stopTokens: [],
        minTokens: 0,
        sampling: greedy,
        edit,
        allowedTokens: [...new Set([right, ...wrong])],
        priority: 'background',
      },
      signal,
    );
    let chosen: number | null = null;
    for await (const { token } of steps) chosen = token;
    signal.throwIfAborted();
    return chosen === right;
  }
  const sums: number[] = [];
  for (const way of ways) {
    const scores = await engine.score(
      {
        tokens: [...prompt, ...way],
        from: prompt.length,
        shared: prompt.length - 1,
        edit,
        priority: 'background',
      },
      signal,
    );
    sums.push(scores.reduce((sum, value) => sum + value, 0));
  }
  const [ofRight = Number.NaN, ...ofWrong] = sums;
  return ofWrong.every((sum) => ofRight > sum);
}
