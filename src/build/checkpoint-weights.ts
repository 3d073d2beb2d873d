/** The tensors of a checkpoint by their names, each checked for its shape; and which of them nothing has asked for. */
import type { Checkpoint, CheckpointTensor } from '../checkpoint/checkpoint.js';
import { errors } from '../errors.js';
import type { RowRange } from './weight-plan.js';

const checkpointName = 'the checkpoint';

export class CheckpointWeights {
  readonly #used = new Set<string>();

  constructor(readonly tensors: Checkpoint['tensors']) {}

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  /** @param shape -1 for a size that may be any @throws SteerdError checkpoint_invalid */
  get(name: string, shape: readonly number[]): CheckpointTensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw errors.checkpointInvalid(checkpointName, `it has no tensor ${name}`);
    const fits =
      tensor.shape.length === shape.length &&
      shape.every((size, axis) => size === -1 || size === tensor.shape[axis]);
    if (!fits)
      throw errors.checkpointInvalid(
        checkpointName,
        `tensor ${name} must have the shape [${shape.map((size) => (size === -1 ? 'any' : size))}]; received [${tensor.shape}]`,
      );
    this.#used.add(name);
    return tensor;
  }

  /** All rows of a matrix, or some of a packed one. @throws SteerdError checkpoint_invalid */
  rows(name: string, shape: readonly [number, number], first = 0, count = -1): RowRange {
    const tensor = this.get(name, shape);
    return { tensor, first, count: count === -1 ? (tensor.shape[0] ?? 0) : count };
  }

  /** The values of a vector. @throws SteerdError checkpoint_invalid */
  vector(name: string, length: number): () => Promise<Float32Array> {
    const tensor = this.get(name, [length]);
    return () => tensor.rows(0, 1);
  }

  /** Tensors of the blocks that the graph would leave out: a sign that it computes something else. */
  unused(layers: number): string[] {
    return [...this.tensors.keys()].filter((name) => {
      const layer = /^model\.layers\.(\d+)\./.exec(name)?.[1];
      const known = this.#used.has(name) || /rotary_emb|inv_freq|masked_bias|attn\.bias$/.test(name);
      return !known && layer !== undefined && Number(layer) < layers;
    });
  }
}
