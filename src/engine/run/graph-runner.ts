/**
 * Runs one grafted graph over a KV cache: binds what stays, rebinds what changes. Both grafts have the same
 * frame (ids, mask or lengths, KV); what is special to each comes as extra inputs and outputs. None of these runs
 * is captured: their shapes change.
 */
import { attentionLengths, attentionSpan } from '../../onnx/graft/fixed-shapes.js';
import { Binding, notCaptured, type RunOptions } from '../../ort/binding.js';
import type { Session } from '../../ort/session.js';
import { ownArray, Tensor } from '../../ort/tensor.js';
import type { KvCache, RowRange } from '../kv/kv-cache.js';

export class GraphRunner {
  readonly #bindings = new Map<string, Binding>();
  /** What the last run of a binding used; released when replaced. */
  readonly #transient = new Map<string, Tensor>();

  constructor(
    readonly session: Session,
    readonly cache: KvCache,
    readonly runOptions: RunOptions,
  ) {}

  /**
   * One run over `range`. Row r has `pasts[r]` tokens in the cache and gets the S tokens `ids[r]` more.
   * @param tensors further inputs and outputs by name; the caller owns them.
   * @throws OrtError
   */
  run(
    range: RowRange,
    ids: readonly (readonly number[])[],
    pasts: readonly number[],
    tensors: {
      readonly inputs: Readonly<Record<string, Tensor>>;
      readonly outputs: Readonly<Record<string, Tensor>>;
    },
  ): void {
    const { rows } = range;
    const length = ids[0]?.length ?? 0;
    const binding = this.#binding(range, Object.keys(tensors.outputs));
    const past = Math.max(...pasts);
    const total = past + length;
    this.cache.bind(binding, range, past, length);
    const idArray = ownArray(BigInt64Array, rows * length);
    for (let row = 0; row < rows; row++) {
      const tokens = ids[row] ?? [];
      for (let i = 0; i < length; i++) idArray[row * length + i] = BigInt(tokens[i] ?? 0);
    }
    this.#bindTransient(binding, 'input_ids', Tensor.over(idArray, 'int64', [rows, length]));
    const { takesMask, takesPositions } = this.cache.spec;
    const ends = pasts.map((one) => one + length);
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
    this.cache.advance(range);
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

  /** What a binding once had bound stays bound: each set of outputs has its own. */
  #binding({ first, rows }: RowRange, outputs: readonly string[]): Binding {
    const key = `${first} ${rows} ${outputs.join(' ')}`;
    const known = this.#bindings.get(key);
    if (known) return known;
    const binding = new Binding(this.session);
    this.#bindings.set(key, binding);
    return binding;
  }

  /** Before the cache and the session are released. */
  release(): void {
    for (const binding of this.#bindings.values()) binding.release();
    this.#bindings.clear();
    for (const tensor of this.#transient.values()) tensor.release();
    this.#transient.clear();
  }
}
