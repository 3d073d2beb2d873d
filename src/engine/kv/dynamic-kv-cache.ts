/**
 * A KV cache for graphs that return past and new keys and values concatenated: each row has tensors of its own, which
 * a run replaces by longer ones. In host memory a row has a buffer for `capacity` tokens and all rows share one spare
 * buffer: a run writes into the spare, and the row's former buffer becomes the spare. On a device every run allocates
 * new tensors.
 */
import type { Binding } from '../../ort/binding.js';
import type { DeviceMemory } from '../../ort/device.js';
import { forgetContents } from '../../ort/page-memory.js';
import { Tensor } from '../../ort/tensor.js';
import type { ModelSpec } from '../model-spec.js';
import { type ConcatenatedKvCache, type KvArray, newKvArray } from './kv-cache.js';

/** One layer's keys, or its values. */
interface Store {
  /** Name of the graph's input. */
  readonly past: string;
  /** Name of the graph's output. */
  readonly present: string;
  /** In host memory, by row; null before a row's first use, and on a device. */
  readonly buffers: (KvArray | null)[];
  spare: KvArray | null;
  /** On a device, by row: the output of its last run. */
  readonly outputs: (Tensor | null)[];
}

export class DynamicKvCache implements ConcatenatedKvCache {
  readonly layout = 'concatenated';
  readonly #stores: Store[];
  /** Tensors of the run that was bound last. */
  #inputs: Tensor[] = [];
  #outputs: Tensor[] = [];

  /** @param memory of the device that the session computes on; null on the CPU. */
  constructor(
    readonly spec: ModelSpec,
    readonly memory: DeviceMemory | null,
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
        buffers: new Array<KvArray | null>(rows).fill(null),
        spare: null,
        outputs: new Array<Tensor | null>(rows).fill(null),
      }));
  }

  get onDevice(): boolean {
    return this.memory !== null;
  }

  get scratch(): number {
    return this.slots;
  }

  bind(binding: Binding, row: number, past: number, tokens: number): void {
    releaseAll(this.#inputs);
    releaseAll(this.#outputs);
    for (const store of this.#stores) {
      binding.input(store.past, this.#pastOf(store, row, past));
      const output = this.#outputFor(store, past + tokens);
      binding.output(store.present, output);
      this.#outputs.push(output);
    }
  }

  #shape(tokens: number): number[] {
    return [1, this.spec.kvHeads, tokens, this.spec.headSize];
  }

  /** What a row holds, as the run's input. */
  #pastOf(store: Store, row: number, tokens: number): Tensor {
    const output = store.outputs[row];
    if (output && tokens > 0) return output;
    store.buffers[row] ??= this.#allocate(tokens === 0 && this.memory ? 0 : this.capacity);
    const input = Tensor.over(store.buffers[row], this.spec.kvType, this.#shape(tokens));
    this.#inputs.push(input);
    return input;
  }

  /** Memory for the run's output. */
  #outputFor(store: Store, tokens: number): Tensor {
    const { kvType } = this.spec;
    const shape = this.#shape(tokens);
    if (this.memory) return Tensor.onDevice(this.memory, kvType, shape);
    store.spare ??= this.#allocate(this.capacity);
    return Tensor.over(store.spare, kvType, shape);
  }

  #allocate(tokens: number): KvArray {
    return newKvArray(this.spec, Math.max(1, this.spec.kvHeads * tokens * this.spec.headSize));
  }

  advance(row: number): void {
    for (const [index, store] of this.#stores.entries()) {
      if (this.memory) {
        store.outputs[row]?.release();
        store.outputs[row] = this.#outputs[index] ?? null;
      } else {
        const { spare } = store;
        store.spare = store.buffers[row] ?? null;
        store.buffers[row] = spare;
      }
    }
    // On a device the tensors belong to the row now; over host memory the next `bind` releases them.
    if (this.memory) this.#outputs = [];
  }

  /** The rows change places, so nothing is copied and no buffer is lost. */
  moveRow(from: number, to: number): void {
    for (const { buffers, outputs } of this.#stores) {
      exchange(buffers, from, to);
      exchange(outputs, from, to);
    }
  }

  forget(row: number): void {
    for (const { buffers, outputs } of this.#stores) {
      const buffer = buffers[row];
      if (buffer) forgetContents(buffer);
      outputs[row]?.release();
      outputs[row] = null;
    }
  }

  exchangeRows(a: number, b: number): void {
    this.moveRow(a, b);
  }

  release(): void {
    releaseAll(this.#inputs);
    releaseAll(this.#outputs);
    for (const { outputs } of this.#stores) for (const tensor of outputs) tensor?.release();
  }
}

function releaseAll(tensors: Tensor[]): void {
  for (const tensor of tensors) tensor.release();
  tensors.length = 0;
}

function exchange<T>(list: T[], a: number, b: number): void {
  const [first, second] = [list[a], list[b]];
  if (first !== undefined) list[b] = first;
  if (second !== undefined) list[a] = second;
}
