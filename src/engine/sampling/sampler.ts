/**
 * Samples a token from logits. Order: penalties and bias, temperature, top_k, top_p, min_p (the order of Hugging Face's
 * logits processors). Temperature 0 takes the largest logit, the lowest id among equals.
 *
 * Whatever is asked for takes a few passes over the vocabulary, and nothing is allocated.
 */
import type { Random } from '../../common/random.js';
import type { Sampling } from '../protocol.js';
import type { TokenSet } from '../worker-settings.js';
import { BlockTops } from './block-tops.js';
import { ById } from './by-id.js';
import { HeaviestFirst } from './heaviest-first.js';
import type { TokenHistory } from './token-history.js';

export class Sampler {
  readonly #blocks: BlockTops;
  readonly #ordered: HeaviestFirst;
  readonly #byId: ById;

  /** @param tokens that the model's logits stand for; others are never sampled. All of them by default */
  constructor(
    vocabularySize: number,
    readonly tokens: TokenSet = { end: vocabularySize, without: [] },
  ) {
    this.#blocks = new BlockTops(vocabularySize);
    this.#ordered = new HeaviestFirst(vocabularySize, this.#blocks);
    this.#byId = new ById(this.#blocks);
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
   * @throws BrokenLogits when they are no finite numbers
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
    const best = this.#blocks.read(logits);
    // Infinite at temperature 0, and at one so small that the quotient overflows.
    const inverseTemperature = 1 / sampling.temperature;
    if (inverseTemperature === Number.POSITIVE_INFINITY || sampling.topK === 1) return best;
    const top = logits[best] ?? 0;
    const { topK, topP, minP } = sampling;
    if (topK === 0 && topP >= 1)
      return this.#byId.draw(logits, top, inverseTemperature, minP, random.uniform()) ?? best;
    this.#ordered.weigh(logits, top, inverseTemperature, topK > 0);
    return this.#ordered.at(random.uniform(), this.#kept(topK, topP, minP));
  }

  /**
   * The weights of the tokens that top_k, top_p and min_p keep: each keeps the first ones of the same order, so the
   * least of their sums is that of the tokens that all keep. The largest weight is 1, so min_p compares with the weight
   * itself; top_p is applied to what top_k left. The first token always stays.
   */
  #kept(topK: number, topP: number, minP: number): number {
    const ordered = this.#ordered;
    let sum = topK > 0 ? ordered.sumOf(topK) : ordered.total;
    if (topP < 1) sum = Math.min(sum, ordered.sumReaching(topP * sum));
    if (minP > 0) sum = Math.min(sum, ordered.sumAtLeast(minP));
    return Math.max(1, sum);
  }
}

/** Largest finite float32. */
const largestLogit = 3.4028234663852886e38;

/** Repetition penalty (CTRL, arXiv 1909.05858), presence and frequency penalties (OpenAI API reference). */
function applyPenalties(logits: Float32Array, sampling: Sampling, history: TokenHistory): void {
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = sampling;
  const { tokens, counts, size } = history;
  if (repetitionPenalty !== 1)
    for (let i = 0; i < size; i++) {
      const token = tokens[i] as number;
      const logit = logits[token] ?? 0;
      // The least penalties there are would overflow, which is no fault of the model's.
      logits[token] =
        logit > 0 ? Math.min(largestLogit, logit / repetitionPenalty) : logit * repetitionPenalty;
    }
  if (presencePenalty !== 0 || frequencyPenalty !== 0)
    for (let i = 0; i < size; i++) {
      const token = tokens[i] as number;
      const count = counts[i] as number;
      if (count > 0) logits[token] = (logits[token] ?? 0) - presencePenalty - frequencyPenalty * count;
    }
}
