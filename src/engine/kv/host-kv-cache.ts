/**
 * An in-place KV cache in host memory: one array for each layer's keys and one for its values, [rows, kv_heads,
 * capacity, head_size], so nothing is copied between steps. The operating system commits the memory as rows fill, and
 * takes it back from rows that are forgotten.
 */
import { partName, type SplitBy } from '../../onnx/rewrite/split-attention.js';
import type { Binding } from '../../ort/binding.js';
import { forgetContents } from '../../ort/page-memory.js';
import { Tensor } from '../../ort/tensor.js';
import type { ModelSpec } from '../model-spec.js';
import { type BoundKv, type InPlaceKvCache, type KvArray, newKvArray, type RowRange } from './kv-cache.js';
import { type Page, pageTokens } from './kv-pages.js';

/** Arrays and pages have one and the same type of numbers, which a union of array types cannot say. */
type Numbers = Float32Array;

/** A tensor over some rows of one of the cache's arrays. */
type RowsView = (array: KvArray, first: number, rows: number) => Tensor;

export class HostKvCache implements InPlaceKvCache {
  readonly layout = 'in place';
  readonly onDevice = false;
  readonly #layers: { readonly key: KvArray; readonly value: KvArray }[];
  readonly #rowLength: number;
  /** Bindings that have their rows, which never change, and the tensors made for each. */
  readonly #bound = new Map<Binding, Tensor[]>();

  constructor(
    readonly spec: ModelSpec,
    readonly slots: number,
    readonly capacity: number,
  ) {
    this.#rowLength = spec.kvHeads * capacity * spec.headSize;
    const length = (slots + 1) * this.#rowLength;
    const allocate = () => newKvArray(spec, length);
    this.#layers = spec.layers.map(() => ({ key: allocate(), value: allocate() }));
  }

  get scratch(): number {
    return this.slots;
  }

  bind(binding: Binding, { first, rows }: RowRange): void {
    this.#bindOnce(binding, (past, present, array, view) => {
      const tensor = view(array, first, rows);
      binding.input(past, tensor);
      binding.output(present, tensor);
    });
  }

  /**
   * The cache for a graph whose attention is split (onnx/rewrite/split-attention.ts): by tokens all parts write to the one
   * row of a run, by rows each part has one of the run's rows.
   */
  inParts(by: SplitBy, parts: number): BoundKv {
    return {
      layout: this.layout,
      unbind: (binding: Binding) => this.unbind(binding),
      bind: (binding: Binding, { first }: RowRange) =>
        this.#bindOnce(binding, (past, present, array, view) => {
          if (by === 'tokens') {
            const row = view(array, first, 1);
            binding.input(past, row);
            for (let part = 0; part < parts; part++) binding.output(partName(present, part), row);
            return;
          }
          for (let part = 0; part < parts; part++) {
            const row = view(array, first + part, 1);
            binding.input(partName(past, part), row);
            binding.output(partName(present, part), row);
          }
        }),
    };
  }

  /** @param each gets the names of each array's input and output, unless the binding has them already */
  #bindOnce(
    binding: Binding,
    each: (past: string, present: string, array: KvArray, view: RowsView) => void,
  ): void {
    if (this.#bound.has(binding)) return;
    const made: Tensor[] = [];
    this.#bound.set(binding, made);
    const view: RowsView = (array, first, rows) => {
      const { kvHeads, headSize, kvType } = this.spec;
      const part = array.subarray(first * this.#rowLength, (first + rows) * this.#rowLength);
      const tensor = Tensor.over(part, kvType, [rows, kvHeads, this.capacity, headSize]);
      made.push(tensor);
      return tensor;
    };
    this.spec.layers.forEach(({ pastKey, presentKey, pastValue, presentValue }, layer) => {
      const arrays = this.#layers[layer];
      if (!arrays) return;
      each(pastKey, presentKey, arrays.key, view);
      each(pastValue, presentValue, arrays.value, view);
    });
  }

  unbind(binding: Binding): void {
    for (const tensor of this.#bound.get(binding) ?? []) tensor.release();
    this.#bound.delete(binding);
  }

  moveRow(from: number, to: number, length: number): void {
    this.#eachHead((array, _, headStart) => {
      const source = from * this.#rowLength + headStart;
      array.copyWithin(to * this.#rowLength + headStart, source, source + length * this.spec.headSize);
    });
  }

  exchangeRows(a: number, b: number, length: number): void {
    const count = length * this.spec.headSize;
    this.#eachHead((array, _, headStart) => {
      const [atA, atB] = [a * this.#rowLength + headStart, b * this.#rowLength + headStart];
      const kept = array.slice(atA, atA + count);
      array.copyWithin(atA, atB, atB + count);
      (array as Numbers).set(kept as Numbers, atB);
    });
  }

  forget(row: number): void {
    const start = row * this.#rowLength;
    for (const { key, value } of this.#layers)
      for (const array of [key, value]) forgetContents(array.subarray(start, start + this.#rowLength));
  }

  /** Copies tokens [from, to) of a row to a page, from its token `at` on. */
  save(row: number, from: number, to: number, page: Page, at: number): void {
    this.#eachHead((array, index, headStart) => {
      const { headSize } = this.spec;
      const start = row * this.#rowLength + headStart;
      (page as Numbers).set(
        array.subarray(start + from * headSize, start + to * headSize),
        (index * pageTokens + at) * headSize,
      );
    });
  }

  /** Copies the first `count` tokens of a page to a row, from the row's token `at` on. */
  restore(row: number, at: number, page: Page, count: number): void {
    this.#eachHead((array, index, headStart) => {
      const { headSize } = this.spec;
      const start = index * pageTokens * headSize;
      (array as Numbers).set(
        page.subarray(start, start + count * headSize),
        row * this.#rowLength + headStart + at * headSize,
      );
    });
  }

  /** Of each layer: the largest absolute number of each channel, [kv_heads * head_size], in a row's first tokens. */
  peaks(row: number, tokens: number): { readonly key: Float32Array; readonly value: Float32Array }[] {
    const { kvHeads, headSize } = this.spec;
    const peaksOf = (array: KvArray) => {
      const peaks = new Float32Array(kvHeads * headSize);
      for (let head = 0; head < kvHeads; head++) {
        const start = row * this.#rowLength + head * this.capacity * headSize;
        for (let i = 0; i < tokens * headSize; i++) {
          const channel = head * headSize + (i % headSize);
          const size = Math.abs(array[start + i] as number);
          if (size > (peaks[channel] as number)) peaks[channel] = size;
        }
      }
      return peaks;
    };
    return this.#layers.map(({ key, value }) => ({ key: peaksOf(key), value: peaksOf(value) }));
  }

  /** @param visit gets each head of each array: its index among them all, and where it begins in a row. */
  #eachHead(visit: (array: KvArray, index: number, headStart: number) => void): void {
    const { kvHeads, headSize } = this.spec;
    let index = 0;
    for (const { key, value } of this.#layers)
      for (const array of [key, value])
        for (let head = 0; head < kvHeads; head++) visit(array, index++, head * this.capacity * headSize);
  }

  release(): void {
    for (const binding of [...this.#bound.keys()]) this.unbind(binding);
  }
}
