/**
 * Keys and values for graphs that give back the old ones with the new ones behind them: a run reads a row's
 * tensors [1, kv_heads, past, head_size] and writes longer ones, which take their place. One row at a time.
 *
 * In host memory a row has a buffer for `capacity` tokens and all rows share one spare: a run writes into the
 * spare, and the row's old buffer is the next spare. On a device each run makes new tensors.
 */
import type { Binding } from '../../ort/binding.js';
import type { Session } from '../../ort/session.js';
import { ownArray, Tensor, type TensorArray } from '../../ort/tensor.js';
import type { ModelSpec } from '../model-spec.js';
import type { Move } from '../schedule/scheduler.js';
import type { KvCache, RowRange } from './kv-cache.js';

/** One layer's keys, or its values. */
interface Store {
  readonly past: string;
  readonly present: string;
  /** By row; null before a row's first use, and on a device. */
  readonly buffers: (TensorArray | null)[];
  spare: TensorArray | null;
  /** On a device: by row, what its last run gave. */
  readonly made: (Tensor | null)[];
}

export class ConcatenatedKvCache implements KvCache {
  readonly #stores: Store[];
  /** Tensors of the run that was bound last. */
  #inputs: Tensor[] = [];
  #outputs: Tensor[] = [];

  constructor(
    readonly spec: ModelSpec,
    readonly session: Session,
    readonly slots: number,
    readonly capacity: number,
  ) {
    const rows = slots + 1;
    this.#stores = spec.layers
      .flatMap(({ pastKey, presentKey, pastValue, presentValue }) => [
        { past: pastKey, present: presentKey },
        { past: pastValue, present: presentValue },
      ])
      .map((names) => ({
        ...names,
        buffers: new Array<TensorArray | null>(rows).fill(null),
        spare: null,
        made: new Array<Tensor | null>(rows).fill(null),
      }));
  }

  get scratch(): number {
    return this.slots;
  }

  bind(binding: Binding, { first: row }: RowRange, past: number, tokens: number): void {
    this.#drop(this.#inputs);
    this.#drop(this.#outputs);
    for (const store of this.#stores) {
      const input = this.#held(store, row, past);
      const output = this.#next(store, past + tokens);
      binding.input(store.past, input);
      binding.output(store.present, output);
      this.#outputs.push(output);
    }
  }

  #shape(tokens: number): number[] {
    return [1, this.spec.kvHeads, tokens, this.spec.headSize];
  }

  /** What a row holds, as the run's input. */
  #held(store: Store, row: number, tokens: number): Tensor {
    const made = store.made[row];
    if (made && tokens > 0) return made;
    store.buffers[row] ??= this.#allocate(tokens === 0 && this.session.device ? 0 : this.capacity);
    const input = Tensor.over(store.buffers[row], this.spec.kvType, this.#shape(tokens));
    this.#inputs.push(input);
    return input;
  }

  /** Memory for what the run gives. */
  #next(store: Store, tokens: number): Tensor {
    const { kvType } = this.spec;
    const shape = this.#shape(tokens);
    if (this.session.device) return Tensor.onDevice(this.session.device, kvType, shape);
    store.spare ??= this.#allocate(this.capacity);
    return Tensor.over(store.spare, kvType, shape);
  }

  #allocate(tokens: number): TensorArray {
    const length = Math.max(1, this.spec.kvHeads * tokens * this.spec.headSize);
    return this.spec.kvType === 'float16' ? ownArray(Uint16Array, length) : ownArray(Float32Array, length);
  }

  advance({ first: row }: RowRange): void {
    for (const [index, store] of this.#stores.entries()) {
      const output = this.#outputs[index] ?? null;
      if (this.session.device) {
        store.made[row]?.release();
        store.made[row] = output;
      } else {
        const { spare } = store;
        store.spare = store.buffers[row] ?? null;
        store.buffers[row] = spare;
      }
    }
    // On a device the outputs are the row's now; over host memory the next bind drops them.
    if (this.session.device) this.#outputs = [];
  }

  /** The rows change places: the one that was there is nobody's. */
  move({ from, to }: Move): void {
    const exchange = <T>(list: T[]) => {
      const [a, b] = [list[from], list[to]];
      if (a !== undefined) list[to] = a;
      if (b !== undefined) list[from] = b;
    };
    for (const store of this.#stores) {
      exchange(store.buffers);
      exchange(store.made);
    }
  }

  #drop(tensors: Tensor[]): void {
    for (const tensor of tensors) tensor.release();
    tensors.length = 0;
  }

  release(): void {
    this.#drop(this.#inputs);
    this.#drop(this.#outputs);
    for (const { made } of this.#stores) for (const tensor of made) tensor?.release();
  }
}
