/**
 * Keys and values of all slots in a device's memory: one tensor for each layer's keys and one for its values,
 * [slots, kv_heads, capacity, head_size], past and present of a run at once; they never come to the host.
 *
 * A batch is the first rows of these tensors. Any other single row is computed apart, since not every device
 * lets a tensor begin in the middle of another's memory; when the row joins the batch, it is copied there.
 */
import type { Binding } from '../../ort/binding.js';
import type { DeviceMemory } from '../../ort/device.js';
import type { Session } from '../../ort/session.js';
import { Tensor } from '../../ort/tensor.js';
import type { ModelSpec } from '../model-spec.js';
import type { Move } from '../schedule/scheduler.js';
import type { KvCache, RowRange } from './kv-cache.js';
import { RowCopier } from './row-copier.js';

export class DeviceKvCache implements KvCache {
  readonly #names: readonly { readonly past: string; readonly present: string }[];
  /** Keys and values of all layers, in the order of `#names`. */
  readonly #slots: readonly Tensor[];
  readonly #apart: readonly Tensor[];
  readonly #scratch: readonly Tensor[];
  readonly #copier: RowCopier | null;
  readonly #bound = new WeakSet<Binding>();
  readonly #views: Tensor[] = [];
  /** Slot of the row that was computed apart. */
  #apartSlot: number | null = null;

  /**
   * @param copying the session of a `copyingGraph` on the same device; null for a cache without slots.
   * @throws OrtError when the device has too little memory.
   */
  constructor(
    readonly spec: ModelSpec,
    readonly memory: DeviceMemory,
    readonly slots: number,
    readonly capacity: number,
    copying: Session | null,
  ) {
    this.#names = spec.layers.flatMap(({ pastKey, presentKey, pastValue, presentValue }) => [
      { past: pastKey, present: presentKey },
      { past: pastValue, present: presentValue },
    ]);
    const allocate = (rows: number) =>
      this.#names.map(() => Tensor.onDevice(memory, spec.kvType, this.#shape(rows)));
    this.#scratch = allocate(1);
    this.#slots = copying ? allocate(slots) : [];
    this.#apart = copying ? allocate(1) : [];
    this.#copier = copying ? new RowCopier(copying, this.#slots, this.#apart) : null;
  }

  get scratch(): number {
    return this.slots;
  }

  #shape(rows: number): number[] {
    return [rows, this.spec.kvHeads, this.capacity, this.spec.headSize];
  }

  bind(binding: Binding, { first, rows }: RowRange, _past = 0, _tokens = 0, used = rows): void {
    if (first !== this.scratch) this.#settle(first, used);
    if (this.#bound.has(binding)) return;
    this.#bound.add(binding);
    const tensors = this.#tensors(first, rows);
    this.#names.forEach(({ past, present }, index) => {
      const tensor = tensors[index];
      if (!tensor) return;
      binding.input(past, tensor);
      binding.output(present, tensor);
    });
  }

  /** Before these rows are computed: is the row apart one of them, or another's memory now? */
  #settle(first: number, rows: number): void {
    const apart = this.#apartSlot;
    const needed = apart !== null && (first === 0 ? rows > apart : first !== apart);
    if (needed) this.#join(apart);
    if (first > 0) this.#apartSlot = first;
  }

  /** The row apart becomes row `slot` of the batch. */
  #join(slot: number): void {
    this.#copier?.join(slot);
    this.#apartSlot = null;
  }

  #tensors(first: number, rows: number): readonly Tensor[] {
    if (first === this.scratch) return this.#scratch;
    if (first > 0) {
      if (rows > 1) throw new RangeError('a batch on a device begins with the first slot');
      return this.#apart;
    }
    const views = this.#slots.map((whole) =>
      Tensor.beginningOf(whole, this.memory, this.spec.kvType, this.#shape(rows)),
    );
    this.#views.push(...views);
    return views;
  }

  advance(): void {}

  move({ from, to, length }: Move): void {
    if (from === this.#apartSlot) {
      if (to === 0) this.#join(to);
      else this.#apartSlot = to;
    } else if (length > 0) this.#copier?.move(from, to);
  }

  release(): void {
    this.#copier?.release();
    for (const tensor of [...this.#views, ...this.#slots, ...this.#apart, ...this.#scratch]) tensor.release();
  }
}
