/**
 * Activation edits as the serving graph's tensors: its inputs `steering_vectors`, `steering_add` and `steering_scale`,
 * and its output `steering_projection`. Every row of a batch has its own edit. A batch has as many terms K as its
 * longest edit; the other rows' further coefficients are zero, and K = 0 for a batch without edits.
 */
import { ownArray, Tensor } from '../../ort/tensor.js';
import type { ActivationEdit, EditTerm } from '../protocol.js';
import { isBroken } from './broken-numbers.js';

/** One row of a batch. */
export interface EditedRow {
  readonly edit: ActivationEdit;
  /** Absolute position of the row's first token in this run. */
  readonly position: number;
}

export interface SteeringTensors {
  /** [L, B, K, H] */
  readonly vectors: Tensor;
  /** [L, B, S, K] */
  readonly add: Tensor;
  /** [L, B, S, K] */
  readonly scale: Tensor;
}

export class SteeringInputs {
  #vectors = ownArray(Float32Array, 1);
  #add = ownArray(Float32Array, 1);
  #scale = ownArray(Float32Array, 1);
  #tensors: SteeringTensors | null = null;
  #shape = '';
  #edits: readonly ActivationEdit[] = [];

  /** @param fewest K of a batch without edits: 1 where kernels do not take empty tensors. */
  constructor(
    readonly layers: number,
    readonly hiddenSize: number,
    readonly fewest = 0,
  ) {}

  /**
   * Tensors for a batch of `rows`, S tokens each. They are valid until the next call, and the same objects as long as
   * the shape stays. Vectors are written only when a row's edit is another object than at the last call.
   */
  fill(rows: readonly EditedRow[], tokens: number): SteeringTensors {
    const terms = rows.reduce((most, row) => Math.max(most, row.edit.length), this.fewest);
    const tensors = this.#reshape(rows.length, tokens, terms);
    const sameEdits =
      this.#edits.length === rows.length && rows.every((row, index) => row.edit === this.#edits[index]);
    if (!sameEdits) {
      this.#writeVectors(rows, terms);
      tensors.vectors.changed();
      this.#edits = rows.map((row) => row.edit);
    }
    if (this.#writeCoefficients(rows, tokens, terms)) {
      tensors.add.changed();
      tensors.scale.changed();
    }
    return tensors;
  }

  #reshape(rows: number, tokens: number, terms: number): SteeringTensors {
    const shape = `${rows} ${tokens} ${terms}`;
    if (this.#tensors && this.#shape === shape) return this.#tensors;
    this.release();
    const vectors = this.layers * rows * terms * this.hiddenSize;
    const coefficients = this.layers * rows * tokens * terms;
    if (this.#vectors.length < vectors) this.#vectors = ownArray(Float32Array, vectors);
    if (this.#add.length < coefficients) {
      this.#add = ownArray(Float32Array, coefficients);
      this.#scale = ownArray(Float32Array, coefficients);
    }
    const coefficientShape = [this.layers, rows, tokens, terms];
    this.#tensors = {
      vectors: Tensor.over(this.#vectors, 'float32', [this.layers, rows, terms, this.hiddenSize]),
      add: Tensor.over(this.#add, 'float32', coefficientShape),
      scale: Tensor.over(this.#scale, 'float32', coefficientShape),
    };
    this.#shape = shape;
    this.#edits = [];
    return this.#tensors;
  }

  /** The tensors that the last call gave. Before the session is released. */
  release(): void {
    if (this.#tensors) for (const tensor of Object.values(this.#tensors)) tensor.release();
    this.#tensors = null;
  }

  #writeVectors(rows: readonly EditedRow[], terms: number): void {
    const { layers, hiddenSize } = this;
    let at = 0;
    for (let layer = 0; layer < layers; layer++) {
      for (const { edit } of rows) {
        for (let k = 0; k < terms; k++, at += hiddenSize) {
          const term = edit[k];
          if (term)
            this.#vectors.set(term.vectors.subarray(layer * hiddenSize, (layer + 1) * hiddenSize), at);
          else this.#vectors.fill(0, at, at + hiddenSize);
        }
      }
    }
  }

  /** @returns whether any coefficient changed. */
  #writeCoefficients(rows: readonly EditedRow[], tokens: number, terms: number): boolean {
    let at = 0;
    let changed = false;
    for (let layer = 0; layer < this.layers; layer++) {
      for (const { edit, position } of rows) {
        for (let token = position; token < position + tokens; token++) {
          for (let k = 0; k < terms; k++, at++) {
            const term = edit[k];
            const active = term !== undefined && token >= term.from && token < term.to;
            const add = active ? (term.add[layer] ?? 0) : 0;
            const scale = active ? (term.scale[layer] ?? 0) : 0;
            if (this.#add[at] === add && this.#scale[at] === scale) continue;
            this.#add[at] = add;
            this.#scale[at] = scale;
            changed = true;
          }
        }
      }
    }
    return changed;
  }
}

/** Memory for `steering_projection` [L, B, S, K]: <h, v> at every block's output, before its edit. */
export class ProjectionOutput {
  #array = ownArray(Float32Array, 1);
  #tensor: Tensor | null = null;
  #shape: readonly number[] = [];

  /** The tensor to bind: the same object as long as the shape stays. */
  reshape(shape: readonly number[]): Tensor {
    if (this.#tensor && this.#shape.every((size, axis) => size === shape[axis])) return this.#tensor;
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    if (this.#array.length < size) this.#array = ownArray(Float32Array, size);
    this.#tensor?.release();
    this.#tensor = Tensor.over(this.#array, 'float32', shape);
    this.#shape = shape;
    return this.#tensor;
  }

  /** [M, L] at one row and position, of M of its K terms: a copy. */
  read(row: number, position: number, terms: readonly number[]): Float32Array {
    const [layers = 0, rows = 0, positions = 0, count = 0] = this.#shape;
    const result = new Float32Array(terms.length * layers);
    terms.forEach((term, m) => {
      for (let layer = 0; layer < layers; layer++)
        result[m * layers + layer] = this.#array[
          ((layer * rows + row) * positions + position) * count + term
        ] as number;
    });
    return result;
  }

  /**
   * The first block whose output is out of range at one of the row's first `tokens` positions; null when none is. Rows
   * without terms have nothing to tell it from.
   */
  brokenLayer(row: number, { edit, position }: EditedRow, tokens: number): number | null {
    const [layers = 0, rows = 0, positions = 0, count = 0] = this.#shape;
    for (let layer = 0; layer < layers; layer++) {
      const from = (layer * rows + row) * positions * count;
      for (let k = 0; k < edit.length; k++) {
        const term = edit[k] as EditTerm;
        const add = term.add[layer] ?? 0;
        const scale = term.scale[layer] ?? 0;
        for (let token = 0; token < tokens; token++) {
          const active = position + token >= term.from && position + token < term.to;
          const projection = this.#array[from + token * count + k] as number;
          if (isBroken(projection, active ? add : 0, active ? scale : 0)) return layer;
        }
      }
    }
    return null;
  }

  /** Before the session is released. */
  release(): void {
    this.#tensor?.release();
    this.#tensor = null;
  }
}
