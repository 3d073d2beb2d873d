/**
 * What the unsteered model read before: the log-probabilities of an answer's tokens after a prompt depend on the model and
 * on the two texts alone. Plain answers are read after the same questions and decoys by every calibration, so what was
 * read of answers without an edit is kept, the last of it, for as long as the model is loaded.
 */
import { createHash } from 'node:crypto';
import { RecentMap } from '../../common/recent-map.js';
import type { ModelShape } from '../../engine/protocol.js';

/** Numbers; the reads of some five calibrations. */
const mostHeld = 131_072;
/** What a key takes besides, in numbers. */
const keySize = 16;

type Tokens = readonly number[];

/** A model's shape is one object however its engine is wrapped for a caller. */
const known = new WeakMap<ModelShape, KnownReads>();

export function knownReadsOf(shape: ModelShape): KnownReads {
  const reads = known.get(shape) ?? new KnownReads();
  known.set(shape, reads);
  return reads;
}

export class KnownReads {
  readonly #reads = new RecentMap<Float32Array>(mostHeld);
  /** Lists are asked for again and again, and never written to. */
  readonly #digests = new WeakMap<Tokens, string>();

  get(prompt: Tokens, answer: Tokens): Float32Array | undefined {
    return this.#reads.get(this.#key(prompt, answer));
  }

  set(prompt: Tokens, answer: Tokens, scores: Float32Array): void {
    // A view would keep all that was read with it.
    this.#reads.set(this.#key(prompt, answer), scores.slice(), scores.length + keySize);
  }

  #key = (prompt: Tokens, answer: Tokens) => `${this.#digest(prompt)} ${this.#digest(answer)}`;

  #digest(tokens: Tokens): string {
    const before = this.#digests.get(tokens);
    if (before !== undefined) return before;
    const digest = createHash('sha256').update(tokens.join()).digest('base64');
    this.#digests.set(tokens, digest);
    return digest;
  }
}
