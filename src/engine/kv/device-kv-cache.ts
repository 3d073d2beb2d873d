/**
 * An in-place KV cache in a device's memory: one tensor for each layer's keys and one for its values, [slots, kv_heads,
 * capacity, head_size], which are never copied to the host.
 *
 * A batch is always the first rows of these tensors. A single row other than the first, such as a prompt's during
 * prefill, is computed in a detached row with tensors of its own, since not every device lets a tensor begin in the
 * middle of another's memory. It is copied into its slot when it joins the batch.
 */
import type { Binding } from '../../ort/binding.js';
import type { DeviceMemory } from '../../ort/device.js';
import type { Session } from '../../ort/session.js';
import { Tensor } from '../../ort/tensor.js';
import type { ModelSpec } from '../model-spec.js';
import type { InPlaceKvCache, RowRange } from './kv-cache.js';
import { RowCopier } from './row-copier.js';

export class DeviceKvCache implements InPlaceKvCache {
  readonly layout = 'in place';
  readonly onDevice = true;
  readonly #names: readonly { readonly past: string; readonly present: string }[];
  /** Keys and values of all layers, in the order of `#names`. */
  readonly #slots: readonly Tensor[];
  readonly #detached: readonly Tensor[];
  readonly #scratch: readonly Tensor[];
  readonly #copier: RowCopier | null;
  /** Bindings that have their rows, which never change, and the views of slots made for each. */
  readonly #bound = new Map<Binding, readonly Tensor[]>();
  /** The slot whose contents are in the detached row; null when it is free. */
  #detachedSlot: number | null = null;

  /**
   * @param rowCopies a session of `rowCopyGraph` on the same device; null for a cache without slots.
   * @throws OrtError when the device has too little memory.
   */
  constructor(
    readonly spec: ModelSpec,
    readonly memory: DeviceMemory,
    readonly slots: number,
    readonly capacity: number,
    rowCopies: Session | null,
  ) {
    this.#names = spec.layers.flatMap(({ pastKey, presentKey, pastValue, presentValue }) => [
      { past: pastKey, present: presentKey },
      { past: pastValue, present: presentValue },
    ]);
    const allocate = (rows: number) =>
      this.#names.map(() => Tensor.onDevice(memory, spec.kvType, this.#shape(rows)));
    this.#scratch = allocate(1);
    this.#slots = rowCopies ? allocate(slots) : [];
    this.#detached = rowCopies ? allocate(1) : [];
    this.#copier = rowCopies ? new RowCopier(rowCopies, this.#slots, this.#detached) : null;
  }

  get scratch(): number {
    return this.slots;
  }

  #shape(rows: number): number[] {
    return [rows, this.spec.kvHeads, this.capacity, this.spec.headSize];
  }

  bind(binding: Binding, { first, rows }: RowRange, used = rows): void {
    if (first !== this.scratch) this.#attachIfNeeded(first, used);
    if (this.#bound.has(binding)) return;
    const tensors = this.#tensors(first, rows);
    this.#bound.set(binding, first === 0 && first !== this.scratch ? tensors : []);
    this.#names.forEach(({ past, present }, index) => {
      const tensor = tensors[index];
      if (!tensor) return;
      binding.input(past, tensor);
      binding.output(present, tensor);
    });
  }

  /** Before rows [first, first + rows) are computed: the detached row is one of the batch, or another slot needs it. */
  #attachIfNeeded(first: number, rows: number): void {
    const detached = this.#detachedSlot;
    const needed = detached !== null && (first === 0 ? rows > detached : first !== detached);
    if (needed) this.#attach(detached);
    if (first > 0) this.#detachedSlot = first;
  }

  /** Copies the detached row to row `slot` of the batch. */
  #attach(slot: number): void {
    this.#copier?.attach(slot);
    this.#detachedSlot = null;
  }

  #tensors(first: number, rows: number): readonly Tensor[] {
    if (first === this.scratch) return this.#scratch;
    if (first > 0) {
      if (rows > 1) throw new RangeError('a batch on a device begins with the first slot');
      return this.#detached;
    }
    return this.#slots.map((whole) =>
      Tensor.beginningOf(whole, this.memory, this.spec.kvType, this.#shape(rows)),
    );
  }

  unbind(binding: Binding): void {
    for (const view of this.#bound.get(binding) ?? []) view.release();
    this.#bound.delete(binding);
  }

  moveRow(from: number, to: number, length: number): void {
    if (from === this.#detachedSlot) {
      if (to === 0) this.#attach(to);
      else this.#detachedSlot = to;
    } else if (length > 0) this.#copier?.move(from, to);
  }

  /** Memory of a device stays allocated. */
  forget(): void {}

  release(): void {
    this.#copier?.release();
    for (const binding of [...this.#bound.keys()]) this.unbind(binding);
    for (const tensor of [...this.#slots, ...this.#detached, ...this.#scratch]) tensor.release();
  }
}
