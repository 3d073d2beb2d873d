/**
 * Logits to a token. Order: penalties and bias, temperature, top_k, top_p, min_p (the order of Hugging
 * Face's logits processors). Temperature 0 takes the largest logit, the lowest id among equals.
 */
import { exponential } from './fast-exponential.js';
import type { Sampling } from './protocol.js';
import type { Random } from './random.js';

/** What the penalties look at. */
export interface TokenHistory {
  /** How often each token was generated. */
  readonly generated: ReadonlyMap<number, number>;
  /** Tokens of the prompt. */
  readonly prompt: ReadonlySet<number>;
}

export class Sampler {
  readonly #weights: Float64Array;

  constructor(vocabularySize: number) {
    this.#weights = new Float64Array(vocabularySize);
  }

  /**
   * @param logits [V], changed in place.
   * @param banned ids that may not come now (stop tokens before min_tokens).
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
    if (sampling.temperature === 0 || sampling.topK === 1) return best;
    return this.#draw(logits, sampling, logits[best] ?? 0, random) ?? best;
  }

  #draw(logits: Float32Array, sampling: Sampling, top: number, random: Random): number | null {
    const weights = this.#weights;
    const perDegree = 1 / sampling.temperature;
    let total = 0;
    for (let token = 0; token < logits.length; token++) {
      const weight = exponential(((logits[token] as number) - top) * perDegree);
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
 * Tokens that survive top_k, top_p and min_p, heaviest first. The largest weight is 1, so min_p compares
 * with the weight itself.
 */
function truncate(weights: Float64Array, total: number, topK: number, topP: number, minP: number): number[] {
  // Tokens lighter than this hold less than 1 - topP together, so none of them is in the nucleus: only the
  // others need sorting. Without top_p every token with any weight stays.
  const floor = Math.max(minP, topP < 1 ? ((1 - topP) * total) / weights.length : 0);
  const kept: number[] = [];
  for (let token = 0; token < weights.length; token++) {
    const weight = weights[token] as number;
    if (weight > 0 && weight >= floor) kept.push(token);
  }
  if (topK === 0 && topP >= 1) return kept;
  kept.sort((a, b) => (weights[b] as number) - (weights[a] as number) || a - b);
  if (topK > 0 && kept.length > topK) kept.length = topK;
  if (topP >= 1) return kept;
  // After top_k the nucleus is taken of what is left.
  const mass = topK > 0 ? kept.reduce((sum, token) => sum + (weights[token] as number), 0) : total;
  let sum = 0;
  const end = kept.findIndex((token) => {
    sum += weights[token] as number;
    return sum >= topP * mass;
  });
  return end < 0 ? kept : kept.slice(0, end + 1);
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
