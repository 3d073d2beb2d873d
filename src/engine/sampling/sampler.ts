/**
 * Samples a token from logits. Order: penalties and bias, temperature, top_k, top_p, min_p (the order of Hugging Face's
 * logits processors). Temperature 0 takes the largest logit, the lowest id among equals.
 */

import type { Random } from '../../common/random.js';
import type { Sampling } from '../protocol.js';
import type { TokenSet } from '../worker-settings.js';
import { exponential } from './fast-exponential.js';

/** The tokens so far, for the penalties. */
export interface TokenHistory {
  /** How often each token was generated. */
  readonly generated: ReadonlyMap<number, number>;
  /** Tokens of the prompt. */
  readonly prompt: ReadonlySet<number>;
}

/** The logits of a step are no numbers that a token could be chosen by. */
export class NotFiniteError extends Error {
  constructor() {
    super('a step computed numbers that are not finite: steer less strongly, or not at these layers');
  }
}

export class Sampler {
  readonly #weights: Float64Array;

  /** @param tokens that the model's logits stand for; others are never sampled. All of them by default */
  constructor(
    vocabularySize: number,
    readonly tokens: TokenSet = { end: vocabularySize, without: [] },
  ) {
    this.#weights = new Float64Array(vocabularySize);
  }

  /** Sets the logits [V] of ids without a token to -Infinity: models' vocabularies are often padded. */
  dropUnused(logits: Float32Array): void {
    const { end, without } = this.tokens;
    if (end < logits.length) logits.fill(Number.NEGATIVE_INFINITY, end);
    for (const token of without) logits[token] = Number.NEGATIVE_INFINITY;
  }

  /**
   * @param logits [V], changed in place
   * @param banned ids that cannot be sampled now (stop tokens before min_tokens)
   * @throws NotFiniteError when no logit is a number, or one is infinite
   */
  sample(
    logits: Float32Array,
    sampling: Sampling,
    history: TokenHistory,
    banned: readonly number[],
    random: Random,
  ): number {
    applyPenalties(logits, sampling, history);
    for (const [token, bias] of sampling.logitBias) logits[token] = (logits[token] ?? 0) + bias;
    for (const token of banned) logits[token] = Number.NEGATIVE_INFINITY;
    const best = largest(logits);
    if (!Number.isFinite(logits[best])) throw new NotFiniteError();
    // Infinite at temperature 0, and at one so small that the quotient overflows.
    const inverseTemperature = 1 / sampling.temperature;
    if (inverseTemperature === Number.POSITIVE_INFINITY || sampling.topK === 1) return best;
    return this.#draw(logits, sampling, logits[best] ?? 0, inverseTemperature, random) ?? best;
  }

  #draw(
    logits: Float32Array,
    sampling: Sampling,
    top: number,
    inverseTemperature: number,
    random: Random,
  ): number | null {
    const weights = this.#weights;
    let total = 0;
    for (let token = 0; token < logits.length; token++) {
      const weight = exponential(((logits[token] as number) - top) * inverseTemperature);
      weights[token] = weight;
      total += weight;
    }
    const { topK, topP, minP } = sampling;
    if (topK === 0 && topP >= 1 && minP === 0) return pickAmongAll(weights, random.uniform() * total);
    const kept = truncate(weights, total, topK, topP, minP);
    return pick(weights, kept, random);
  }
}

/** Repetition penalty (CTRL, arXiv 1909.05858), presence and frequency penalties (OpenAI API reference). */
function applyPenalties(logits: Float32Array, sampling: Sampling, history: TokenHistory): void {
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = sampling;
  if (repetitionPenalty !== 1) {
    const repeat = (token: number) => {
      const logit = logits[token] ?? 0;
      logits[token] = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
    };
    for (const token of history.prompt) repeat(token);
    for (const token of history.generated.keys()) if (!history.prompt.has(token)) repeat(token);
  }
  if (presencePenalty !== 0 || frequencyPenalty !== 0)
    for (const [token, count] of history.generated)
      logits[token] = (logits[token] ?? 0) - presencePenalty - frequencyPenalty * count;
}

/** Index of the largest element, the first among equals; NaN never wins. */
export function largest(values: Float32Array): number {
  let best = 0;
  let top = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as number;
    if (value > top) {
      top = value;
      best = index;
    }
  }
  return best;
}

/**
 * Tokens that top_k, top_p and min_p keep. The largest weight is 1, so min_p compares with the weight itself; top_p is
 * applied to what top_k left.
 */
function truncate(weights: Float64Array, total: number, topK: number, topP: number, minP: number): number[] {
  if (topK === 0 && topP >= 1) return atLeast(weights, minP);
  // Tokens with less than a V-th of 1 - topP have less than 1 - topP together, so none of them is in the nucleus.
  const kept =
    topK > 0
      ? heaviest(weights, topK)
      : byWeight(weights, atLeast(weights, ((1 - topP) * total) / weights.length));
  const mass = topK > 0 ? kept.reduce((sum, token) => sum + (weights[token] as number), 0) : total;
  let sum = 0;
  let count = 0;
  for (const token of kept) {
    const weight = weights[token] as number;
    if (weight < minP || (topP < 1 && sum >= topP * mass)) break;
    sum += weight;
    count++;
  }
  return kept.slice(0, Math.max(1, count));
}

/** Tokens with a weight of at least `floor` that is not zero, by id. */
function atLeast(weights: Float64Array, floor: number): number[] {
  const kept: number[] = [];
  for (let token = 0; token < weights.length; token++) {
    const weight = weights[token] as number;
    if (weight > 0 && weight >= floor) kept.push(token);
  }
  return kept;
}

/** Heaviest first, the lowest id among equals. */
function byWeight(weights: Float64Array, tokens: number[]): number[] {
  return tokens.sort((a, b) => (weights[b] as number) - (weights[a] as number) || a - b);
}

/** The `count` heaviest tokens. The floor is lowered until enough are above it, so that few need sorting. */
function heaviest(weights: Float64Array, count: number): number[] {
  let floor = 1 / 16;
  let kept = atLeast(weights, floor);
  while (kept.length < count && floor > 0) {
    floor = floor > 1e-14 ? floor / 256 : 0;
    kept = atLeast(weights, floor);
  }
  return byWeight(weights, kept).slice(0, count);
}

function pickAmongAll(weights: Float64Array, target: number): number | null {
  let sum = 0;
  let last: number | null = null;
  for (let token = 0; token < weights.length; token++) {
    const weight = weights[token] as number;
    if (weight === 0) continue;
    sum += weight;
    last = token;
    if (sum > target) return token;
  }
  return last;
}

function pick(weights: Float64Array, kept: readonly number[], random: Random): number | null {
  const target = random.uniform() * kept.reduce((sum, token) => sum + (weights[token] as number), 0);
  let sum = 0;
  for (const token of kept) {
    sum += weights[token] as number;
    if (sum > target) return token;
  }
  return kept.at(-1) ?? null;
}
