/** Memory for the graph's `steering_projection` [L, B, S, K], and reading one row's position from it. */
import { ownArray, Tensor } from '../../ort/tensor.js';

export class ProjectionOutput {
  #array = ownArray(Float32Array, 1);
  #tensor: Tensor | null = null;
  #shape: readonly number[] = [];

  /** The same tensor as long as the shape stays. */
  reshape(shape: readonly number[]): Tensor {
    if (this.#tensor && this.#shape.every((size, axis) => size === shape[axis])) return this.#tensor;
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    if (this.#array.length < size) this.#array = ownArray(Float32Array, size);
    this.#tensor?.release();
    this.#tensor = Tensor.over(this.#array, 'float32', shape);
    this.#shape = shape;
    return this.#tensor;
  }

  /** [M, L] of the row's position, for M of its K terms: a copy. */
  read(row: number, position: number, terms: readonly number[]): Float32Array {
    const [layers = 0, rows = 0, positions = 0, concepts = 0] = this.#shape;
    const result = new Float32Array(terms.length * layers);
    terms.forEach((term, m) => {
      for (let layer = 0; layer < layers; layer++)
        result[m * layers + layer] = this.#array[
          ((layer * rows + row) * positions + position) * concepts + term
        ] as number;
    });
    return result;
  }

  /** Before the session is released. */
  release(): void {
    this.#tensor?.release();
    this.#tensor = null;
  }
}
