/**
 * Keys and values of all slots: one buffer for each layer's keys and one for its values, [rows, kv_heads,
 * capacity, head_size], past and present of a run at once, so nothing is copied between steps. Memory is
 * only touched as slots fill. The row after the last slot is scratch: for scoring, and all there is of a cache
 * without slots.
 */
import { type ElementType, elementTypes, ownArray, Tensor, type TensorArray } from '../ort/tensor.js';
import type { ModelSpec } from './model-spec.js';
import type { Move } from './scheduler.js';

export interface LayerTensors {
  readonly key: Tensor;
  readonly value: Tensor;
}

export class KvCache {
  readonly #layers: { readonly key: TensorArray; readonly value: TensorArray }[];
  readonly #type: ElementType;
  readonly #rowLength: number;

  constructor(
    readonly spec: ModelSpec,
    readonly slots: number,
    readonly capacity: number,
  ) {
    this.#type = spec.kvType;
    this.#rowLength = spec.kvHeads * capacity * spec.headSize;
    const length = (slots + 1) * this.#rowLength;
    const allocate = (): TensorArray =>
      this.#type === 'float16' ? ownArray(Uint16Array, length) : ownArray(Float32Array, length);
    this.#layers = spec.layers.map(() => ({ key: allocate(), value: allocate() }));
  }

  /** The row that belongs to no sequence. */
  get scratch(): number {
    return this.slots;
  }

  /** Tensors over rows [first, first + count) of every layer: [count, kv_heads, capacity, head_size]. */
  rows(first: number, count: number): LayerTensors[] {
    const { kvHeads, headSize } = this.spec;
    const shape = [count, kvHeads, this.capacity, headSize];
    const view = (array: TensorArray) =>
      Tensor.over(
        array.subarray(first * this.#rowLength, (first + count) * this.#rowLength),
        this.#type,
        shape,
      );
    return this.#layers.map(({ key, value }) => ({ key: view(key), value: view(value) }));
  }

  /** Copies the first `length` tokens of one row over another's. */
  move({ from, to, length }: Move): void {
    const { kvHeads, headSize } = this.spec;
    const headLength = this.capacity * headSize;
    for (const { key, value } of this.#layers) {
      for (const array of [key, value]) {
        for (let head = 0; head < kvHeads; head++) {
          const source = from * this.#rowLength + head * headLength;
          array.copyWithin(to * this.#rowLength + head * headLength, source, source + length * headSize);
        }
      }
    }
  }
}

/** Bytes the cache holds once every slot is full. */
export function kvBytes(spec: ModelSpec, slots: number, capacity: number): number {
  const perElement = elementTypes[spec.kvType].array.BYTES_PER_ELEMENT;
  return 2 * spec.layers.length * (slots + 1) * spec.kvHeads * capacity * spec.headSize * perElement;
}
