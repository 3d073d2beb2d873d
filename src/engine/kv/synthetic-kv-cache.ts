/**
 * A past that no model made: the same arbitrary keys and values for every layer and row, however a graph wants
 * them laid out. What two graphs make of it tells whether they compute the same, at any length and at the price of
 * the few tokens behind it. Every layer writes into the same two buffers: good for one run, not for a text.
 */
import { float16ToNumber } from '../../common/float16.js';
import type { Binding } from '../../ort/binding.js';
import { ownArray, Tensor, type TensorArray } from '../../ort/tensor.js';
import type { ModelSpec } from '../model-spec.js';
import type { KvCache, RowRange } from './kv-cache.js';

export class InventedKvCache implements KvCache {
  readonly slots = 0;
  readonly scratch = 0;
  readonly #tensors: Tensor[] = [];

  constructor(
    readonly spec: ModelSpec,
    /** Tokens of one row, past and new. */
    readonly capacity: number,
  ) {}

  bind(binding: Binding, { rows }: RowRange, past: number): void {
    const { spec } = this;
    const inPlace = spec.kvLayout === 'in place';
    const [key, value] = [0, 1].map((kind) => this.#invent(kind, rows, inPlace ? this.capacity : past));
    if (!key || !value) return;
    for (const { pastKey, presentKey, pastValue, presentValue } of spec.layers) {
      binding.input(pastKey, key);
      binding.input(pastValue, value);
      if (!inPlace) continue;
      binding.output(presentKey, key);
      binding.output(presentValue, value);
    }
  }

  /** Slots behind the past hold something, too: no kernel may look at it. */
  #invent(kind: number, rows: number, length: number): Tensor {
    const { kvHeads, headSize, kvType } = this.spec;
    const rowLength = kvHeads * length * headSize;
    const half = kvType === 'float16';
    const data: TensorArray = half
      ? ownArray(Uint16Array, Math.max(1, rows * rowLength))
      : ownArray(Float32Array, Math.max(1, rows * rowLength));
    const choices = half ? choiceBits : choiceNumbers;
    let at = 0;
    for (let head = 0; head < kvHeads; head++)
      for (let position = 0; position < length; position++)
        for (let i = 0; i < headSize; i++)
          data[at++] = choices[scramble(position, (head * headSize + i) * 2 + kind)] as number;
    for (let row = 1; row < rows; row++) data.copyWithin(row * rowLength, 0, rowLength);
    const tensor = Tensor.over(data, kvType, [rows, kvHeads, length, headSize]);
    this.#tensors.push(tensor);
    return tensor;
  }

  advance(): void {}

  move(): void {}

  release(): void {
    for (const tensor of this.#tensors) tensor.release();
    this.#tensors.length = 0;
  }
}

/** Half-precision numbers of either sign from 1/16 to 1: every graph can hold them exactly. */
const choiceBits = Uint16Array.from(
  { length: 4096 },
  (_, i) => ((i & 1) << 15) | ((11 + ((i >> 1) & 3)) << 10) | ((i >> 3) << 1),
);
const choiceNumbers = Float32Array.from(choiceBits, float16ToNumber);

/** One of the choices; neighbours in either direction share nothing. */
function scramble(position: number, column: number): number {
  let mixed = Math.imul(position + 1, 0x9e3779b1) ^ Math.imul(column + 1, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 13)) & 4095;
}
