/**
 * Runs a grafted graph over a KV cache: binds token ids, mask or lengths, positions, keys and values. Both grafts take
 * these; what one graft has beside them is given with each run. None of these runs is captured as a device graph, since
 * their shapes change. Bindings are kept, and only what changes is bound again.
 */
import { attentionLengths, attentionSpan } from '../../onnx/graft/fixed-shapes.js';
import { Binding, notCaptured, type RunOptions } from '../../ort/binding.js';
import type { Session } from '../../ort/session.js';
import { ownArray, Tensor } from '../../ort/tensor.js';
import type { BoundKv, RowRange } from '../kv/kv-cache.js';
import type { ModelSpec } from '../model-spec.js';

/** Inputs and outputs by name. The caller of a run owns and releases them. */
export interface NamedTensors {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** Bindings that are kept: one has some tens of kilobytes, and 64 slots have thousands of ranges. */
const mostBindings = 64;

export class GraphRunner {
  /** By rows and outputs, the one used last at the end. */
  readonly #bindings = new Map<string, Binding>();
  /** By input: the tensor of the last run, released when it is replaced. */
  readonly #transient = new Map<string, Tensor>();

  /** @param cache null when each run's tensors include keys and values. */
  constructor(
    readonly session: Session,
    readonly spec: ModelSpec,
    readonly cache: BoundKv | null,
    readonly runOptions: RunOptions,
  ) {}

  /**
   * One run over `range`. Row r has `pasts[r]` tokens in the cache and gets the S tokens `ids[r]` more; a concatenated
   * cache takes one row a run.
   * @param tensors further inputs and outputs
   * @param lengths of each row, how many of its S tokens are its own, where no row has a past; the others are padding.
   *   All are when left out.
   * @throws OrtError
   */
  run(
    range: RowRange,
    ids: readonly (readonly number[])[],
    pasts: readonly number[],
    tensors: NamedTensors,
    lengths?: readonly number[],
  ): void {
    const { cache } = this;
    const { first, rows } = range;
    const length = ids[0]?.length ?? 0;
    const binding = this.#binding(range, Object.keys(tensors.outputs));
    const past = Math.max(...pasts);
    const total = past + length;
    if (cache?.layout === 'concatenated') cache.bind(binding, first, past, length);
    else cache?.bind(binding, range);
    const idArray = ownArray(BigInt64Array, rows * length);
    for (let row = 0; row < rows; row++) {
      const tokens = ids[row] ?? [];
      for (let i = 0; i < length; i++) idArray[row * length + i] = BigInt(tokens[i] ?? 0);
    }
    this.#bindTransient(binding, 'input_ids', Tensor.over(idArray, 'int64', [rows, length]));
    const { takesMask, takesPositions } = this.spec;
    const ends = lengths ?? pasts.map((one) => one + length);
    if (this.session.inputNames.has(attentionLengths)) this.#bindLengths(binding, ends, total);
    else if (takesMask) this.#bindMask(binding, ends, total);
    if (takesPositions) {
      const positions = ownArray(BigInt64Array, rows * length);
      for (let i = 0; i < positions.length; i++)
        positions[i] = BigInt((pasts[Math.floor(i / length)] ?? 0) + (i % length));
      this.#bindTransient(binding, 'position_ids', Tensor.over(positions, 'int64', [rows, length]));
    }
    for (const [name, tensor] of Object.entries(tensors.inputs)) binding.input(name, tensor);
    for (const [name, tensor] of Object.entries(tensors.outputs)) binding.output(name, tensor);
    if (this.session.captures) this.runOptions.useGraph(notCaptured);
    binding.run(this.runOptions);
    if (cache?.layout === 'concatenated') cache.advance(first);
  }

  /** @param ends of each row, how many tokens it has after the run. */
  #bindMask(binding: Binding, ends: readonly number[], total: number): void {
    const mask = ownArray(BigInt64Array, ends.length * total);
    ends.forEach((end, row) => {
      mask.fill(1n, row * total, row * total + end);
    });
    this.#bindTransient(binding, 'attention_mask', Tensor.over(mask, 'int64', [ends.length, total]));
  }

  #bindLengths(binding: Binding, ends: readonly number[], total: number): void {
    const lengths = ownArray(Int32Array, ends.length);
    lengths.set(ends.map((end) => end - 1));
    this.#bindTransient(binding, attentionLengths, Tensor.over(lengths, 'int32', [ends.length]));
    const span = ownArray(Int32Array, 1);
    span[0] = total;
    this.#bindTransient(binding, attentionSpan, Tensor.over(span, 'int32', [1]));
  }

  #bindTransient(binding: Binding, name: string, tensor: Tensor): void {
    binding.input(name, tensor);
    this.#transient.get(name)?.release();
    this.#transient.set(name, tensor);
  }

  /** Outputs cannot be unbound one by one, so each set of outputs has a binding of its own. */
  #binding({ first, rows }: RowRange, outputs: readonly string[]): Binding {
    const key = `${first} ${rows} ${outputs.join(' ')}`;
    const binding = this.#bindings.get(key) ?? new Binding(this.session);
    this.#bindings.delete(key);
    this.#bindings.set(key, binding);
    for (const old of this.#bindings.keys()) {
      if (this.#bindings.size <= mostBindings) break;
      this.#drop(old);
    }
    return binding;
  }

  #drop(key: string): void {
    const binding = this.#bindings.get(key);
    this.#bindings.delete(key);
    if (!binding) return;
    binding.release();
    if (this.cache?.layout === 'in place') this.cache.unbind(binding);
  }

  /** Before the cache and the session are released. */
  release(): void {
    for (const key of [...this.#bindings.keys()]) this.#drop(key);
    for (const tensor of this.#transient.values()) tensor.release();
    this.#transient.clear();
  }
}
