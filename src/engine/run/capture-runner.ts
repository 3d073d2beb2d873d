/**
 * Runs the capture graft: block outputs and attention to a span, at chosen positions of one text.
 *
 * Captures have keys and values of their own, so that scoring and serving never touch them: a text's beginning
 * stays there for the next text that shares it. A cache is as long as a text needs, in powers of two: the
 * graft's attention costs grow with its length, and the same text is always read from the same length.
 */
import type { RunOptions } from '../../ort/binding.js';
import type { Session } from '../../ort/session.js';
import { ownArray, Tensor } from '../../ort/tensor.js';
import { KeptBeginning } from '../kv/cached-prefix.js';
import { type KvCache, openScratchCache } from '../kv/kv-cache.js';
import type { ModelSpec } from '../model-spec.js';
import { GraphRunner } from './graph-runner.js';

/** What one chunk gave: [L, P, H] and [L, heads, P] for the P positions that lie in it. */
export interface CapturedChunk {
  readonly hiddenStates: Float32Array;
  readonly attentionToPrefix: Float32Array;
}

/** Caches kept at once: the texts of a fit lie on both sides of one power of two at most times. */
const mostCaches = 2;
const shortest = 128;

export class CaptureRunner {
  /** By capacity, the one used last at the end. */
  readonly #texts = new Map<number, CapturedText>();

  constructor(
    readonly session: Session,
    readonly spec: ModelSpec,
    /** Tokens of the longest text. */
    readonly capacity: number,
    readonly runOptions: RunOptions,
  ) {}

  /** Room for a text of `length` tokens, at most `capacity`. */
  text(length: number): CapturedText {
    let capacity = Math.max(shortest, this.spec.slidingWindow);
    while (capacity < length) capacity *= 2;
    capacity = Math.min(capacity, this.capacity);
    const text =
      this.#texts.get(capacity) ??
      new CapturedText(this.session, openScratchCache(this.spec, this.session, capacity), this.runOptions);
    this.#texts.delete(capacity);
    this.#texts.set(capacity, text);
    for (const [other, { release }] of [...this.#texts].slice(0, -mostCaches)) {
      this.#texts.delete(other);
      release();
    }
    return text;
  }

  /** Before the session is released. */
  release(): void {
    for (const { release } of this.#texts.values()) release();
    this.#texts.clear();
  }
}

/** One text on its way through the graph. */
export class CapturedText {
  readonly #runner: GraphRunner;
  readonly beginning = new KeptBeginning();

  constructor(
    session: Session,
    readonly cache: KvCache,
    runOptions: RunOptions,
  ) {
    this.#runner = new GraphRunner(session, cache, runOptions);
  }

  /**
   * A chunk of the text, after the `past` tokens already there.
   * @param positions to read, counted within the chunk.
   * @param span key positions [start, end) in the whole text.
   */
  chunk(
    tokens: readonly number[],
    past: number,
    positions: readonly number[],
    span: readonly [number, number],
  ): CapturedChunk {
    const { layers, hiddenSize, heads } = this.cache.spec;
    const count = positions.length;
    const hiddenStates = ownArray(Float32Array, layers.length * count * hiddenSize);
    const attentionToPrefix = ownArray(Float32Array, layers.length * heads * count);
    const int64 = (values: readonly number[], shape: readonly number[]) =>
      Tensor.over(BigInt64Array.from(values, BigInt), 'int64', shape);
    const inputs = {
      capture_positions: int64(positions, [1, count]),
      span_start: int64([span[0]], [1]),
      span_end: int64([span[1]], [1]),
    };
    const outputs = {
      hidden_states: Tensor.over(hiddenStates, 'float32', [layers.length, 1, count, hiddenSize]),
      attention_to_prefix: Tensor.over(attentionToPrefix, 'float32', [layers.length, 1, heads, count]),
    };
    try {
      this.#runner.run({ first: this.cache.scratch, rows: 1 }, [tokens], [past], { inputs, outputs });
    } finally {
      for (const tensor of [...Object.values(inputs), ...Object.values(outputs)]) tensor.release();
    }
    return { hiddenStates, attentionToPrefix };
  }

  readonly release = (): void => {
    this.#runner.release();
    this.cache.release();
  };
}
