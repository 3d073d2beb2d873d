/** What is kept of captures at several tokens: per layer the chosen token's block output and its heads' attention. */
import type { Capture, ModelShape } from '../../engine/protocol.js';
import { norm } from '../linear-algebra/vectors.js';

export class ChosenFeatures {
  /** [L] of [n * H] */
  readonly layers: Float32Array[];
  /** [L * heads] of [n] attention to the span. */
  readonly heads: Float64Array[];

  constructor(
    readonly shape: ModelShape,
    readonly chosen: readonly number[],
    /** P: positions of a capture. */
    readonly positions: number,
    readonly n: number,
  ) {
    const { layers, heads, hiddenSize } = shape;
    this.layers = Array.from({ length: layers }, () => new Float32Array(n * hiddenSize));
    this.heads = Array.from({ length: layers * heads }, () => new Float64Array(n));
  }

  add({ hiddenStates, attentionToPrefix }: Capture, row: number): void {
    const { heads, hiddenSize } = this.shape;
    for (const [layer, candidate] of this.chosen.entries()) {
      const from = (layer * this.positions + candidate) * hiddenSize;
      this.layers[layer]?.set(hiddenStates.subarray(from, from + hiddenSize), row * hiddenSize);
      for (let head = layer * heads; head < (layer + 1) * heads; head++)
        (this.heads[head] as Float64Array)[row] = attentionToPrefix[
          head * this.positions + candidate
        ] as number;
    }
  }

  /** Mean over heads. */
  attentionOf(layer: number, row: number): number {
    const { heads } = this.shape;
    let sum = 0;
    for (let head = layer * heads; head < (layer + 1) * heads; head++) sum += this.heads[head]?.[row] ?? 0;
    return sum / heads;
  }

  meanAttention(layer: number, rows: readonly number[]): number {
    return rows.reduce((sum, row) => sum + this.attentionOf(layer, row), 0) / rows.length;
  }

  /** [L] */
  residualNorms(): Float32Array {
    const { hiddenSize } = this.shape;
    return Float32Array.from(this.layers, (rows) => {
      let sum = 0;
      for (let row = 0; row < this.n; row++)
        sum += norm(rows.subarray(row * hiddenSize, (row + 1) * hiddenSize));
      return sum / this.n;
    });
  }
}
