/**
 * Fills the activation-edit inputs of a batch: every row has its own edit. A batch has as many concepts K
 * as its richest row; the other rows' coefficients are zero, and an unsteered batch has K = 0.
 */
import { ownArray, Tensor } from '../../ort/tensor.js';
import type { ActivationEdit } from '../protocol.js';

/** One row of a batch: its edit, and the absolute position of its first token in this run. */
export interface SteeredRow {
  readonly edit: ActivationEdit;
  readonly position: number;
}

export interface SteeringTensors {
  /** [L, B, K, H] */
  readonly vectors: Tensor;
  /** [L, B, S, K] */
  readonly add: Tensor;
  readonly scale: Tensor;
}

export class SteeringInputs {
  #vectors = ownArray(Float32Array, 1);
  #add = ownArray(Float32Array, 1);
  #scale = ownArray(Float32Array, 1);
  #tensors: SteeringTensors | null = null;
  #shape = '';
  #edits: readonly ActivationEdit[] = [];

  /** @param fewest K of an unsteered batch: 1 where kernels do not take empty tensors. */
  constructor(
    readonly layers: number,
    readonly hiddenSize: number,
    readonly fewest = 0,
  ) {}

  /**
   * Tensors for a batch of `rows`, S tokens each: vectors [L, B, K, H], add and scale [L, B, S, K]. They are
   * valid until the next call, and the same objects as long as the shape stays.
   */
  fill(rows: readonly SteeredRow[], tokens: number): SteeringTensors {
    const concepts = rows.reduce((most, row) => Math.max(most, row.edit.length), this.fewest);
    const tensors = this.#reshape(rows.length, tokens, concepts);
    const sameEdits =
      this.#edits.length === rows.length && rows.every((row, index) => row.edit === this.#edits[index]);
    if (!sameEdits) {
      this.#writeVectors(rows, concepts);
      tensors.vectors.changed();
      this.#edits = rows.map((row) => row.edit);
    }
    if (this.#writeCoefficients(rows, tokens, concepts)) {
      tensors.add.changed();
      tensors.scale.changed();
    }
    return tensors;
  }

  #reshape(rows: number, tokens: number, concepts: number): SteeringTensors {
    const shape = `${rows} ${tokens} ${concepts}`;
    if (this.#tensors && this.#shape === shape) return this.#tensors;
    if (this.#tensors) for (const tensor of Object.values(this.#tensors)) tensor.release();
    const vectors = this.layers * rows * concepts * this.hiddenSize;
    const coefficients = this.layers * rows * tokens * concepts;
    if (this.#vectors.length < vectors) this.#vectors = ownArray(Float32Array, vectors);
    if (this.#add.length < coefficients) {
      this.#add = ownArray(Float32Array, coefficients);
      this.#scale = ownArray(Float32Array, coefficients);
    }
    const coefficientShape = [this.layers, rows, tokens, concepts];
    this.#tensors = {
      vectors: Tensor.over(this.#vectors, 'float32', [this.layers, rows, concepts, this.hiddenSize]),
      add: Tensor.over(this.#add, 'float32', coefficientShape),
      scale: Tensor.over(this.#scale, 'float32', coefficientShape),
    };
    this.#shape = shape;
    this.#edits = [];
    return this.#tensors;
  }

  #writeVectors(rows: readonly SteeredRow[], concepts: number): void {
    const { layers, hiddenSize } = this;
    let at = 0;
    for (let layer = 0; layer < layers; layer++) {
      for (const { edit } of rows) {
        for (let k = 0; k < concepts; k++, at += hiddenSize) {
          const term = edit[k];
          if (term)
            this.#vectors.set(term.vectors.subarray(layer * hiddenSize, (layer + 1) * hiddenSize), at);
          else this.#vectors.fill(0, at, at + hiddenSize);
        }
      }
    }
  }

  /** @returns whether any coefficient is another than before. */
  #writeCoefficients(rows: readonly SteeredRow[], tokens: number, concepts: number): boolean {
    let at = 0;
    let different = false;
    for (let layer = 0; layer < this.layers; layer++) {
      for (const { edit, position } of rows) {
        for (let token = position; token < position + tokens; token++) {
          for (let k = 0; k < concepts; k++, at++) {
            const term = edit[k];
            const active = term !== undefined && token >= term.from && token < term.to;
            const add = active ? (term.add[layer] ?? 0) : 0;
            const scale = active ? (term.scale[layer] ?? 0) : 0;
            if (this.#add[at] === add && this.#scale[at] === scale) continue;
            this.#add[at] = add;
            this.#scale[at] = scale;
            different = true;
          }
        }
      }
    }
    return different;
  }
}
