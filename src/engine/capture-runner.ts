/** Runs the capture graft: block outputs and attention to a span, at chosen positions of one text. */
import type { RunOptions } from '../ort/binding.js';
import type { Session } from '../ort/session.js';
import { ownArray, Tensor } from '../ort/tensor.js';
import { GraphRunner } from './graph-runner.js';
import type { KvCache } from './kv-cache.js';

/** What one chunk gave: [L, P, H] and [L, heads, P] for the P positions that lie in it. */
export interface CapturedChunk {
  readonly hiddenStates: Float32Array;
  readonly attentionToPrefix: Float32Array;
}

export class CaptureRunner {
  readonly #runner: GraphRunner;

  constructor(
    readonly session: Session,
    readonly cache: KvCache,
    runOptions: RunOptions,
  ) {
    this.#runner = new GraphRunner(session, cache, runOptions);
  }

  /**
   * A chunk of one text into the scratch row, after the `past` tokens already there.
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

  /** Before the session is released. */
  release(): void {
    this.#runner.release();
  }
}
