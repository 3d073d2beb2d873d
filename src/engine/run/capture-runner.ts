/**
 * Runs the capture graft: block outputs and attention to a span, at chosen positions of one text.
 *
 * Captures have KV caches of their own, apart from those of sequences and scores, so that a prefix stays cached for the
 * next text that shares it. Their capacity is a power of two, the least that holds the text: the time of the graft's
 * attention grows with the capacity, and the same text always gets the same capacity.
 */
import type { RunOptions } from '../../ort/binding.js';
import type { Session } from '../../ort/session.js';
import { ownArray, Tensor } from '../../ort/tensor.js';
import { CachedPrefix, type KvCache } from '../kv/kv-cache.js';
import { openScratchCache } from '../kv/open-kv-cache.js';
import type { ModelSpec } from '../model-spec.js';
import { GraphRunner } from './graph-runner.js';

/** What was read of one chunk, at the P positions that lie in it. */
interface CapturedChunk {
  /** [L, P, H] */
  readonly hiddenStates: Float32Array;
  /** [L, heads, P] */
  readonly attentionToPrefix: Float32Array;
}

/** Caches kept at once: the lengths of a fit's texts mostly lie on both sides of one power of two. */
const mostCaches = 2;
const leastCapacity = 128;

export class CaptureRunner {
  /** By capacity, the one used last at the end. */
  readonly #rows = new Map<number, CaptureRow>();

  constructor(
    readonly session: Session,
    readonly spec: ModelSpec,
    /** Tokens of the longest text. */
    readonly capacity: number,
    readonly runOptions: RunOptions,
  ) {}

  /** A row for a text of `length` tokens, at most `capacity`. */
  rowFor(length: number): CaptureRow {
    let capacity = Math.max(leastCapacity, this.spec.slidingWindow);
    while (capacity < length) capacity *= 2;
    capacity = Math.min(capacity, this.capacity);
    const row =
      this.#rows.get(capacity) ??
      new CaptureRow(this.session, openScratchCache(this.spec, this.session, capacity), this.runOptions);
    this.#rows.delete(capacity);
    this.#rows.set(capacity, row);
    for (const [other, { release }] of [...this.#rows].slice(0, -mostCaches)) {
      this.#rows.delete(other);
      release();
    }
    return row;
  }

  /** Before the session is released. */
  release(): void {
    for (const { release } of this.#rows.values()) release();
    this.#rows.clear();
  }
}

/** A cache row that one text after another is captured in. */
class CaptureRow {
  readonly #runner: GraphRunner;
  readonly prefix = new CachedPrefix();

  constructor(
    session: Session,
    readonly cache: KvCache,
    runOptions: RunOptions,
  ) {
    this.#runner = new GraphRunner(session, cache.spec, cache, runOptions);
  }

  /**
   * Runs a chunk of the text, after the `past` tokens already there.
   * @param positions to read, counted within the chunk
   * @param span key positions [start, end) in the whole text
   * @throws OrtError
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
    const int64 = (values: readonly number[], shape: readonly number[]) => {
      const array = ownArray(BigInt64Array, values.length);
      array.set(values.map(BigInt));
      return Tensor.over(array, 'int64', shape);
    };
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
