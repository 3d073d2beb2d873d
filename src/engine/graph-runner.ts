/**
 * Runs one grafted graph over a KV cache: binds what stays, rebinds what changes. Both grafts have the same
 * frame (ids, mask, KV); what is special to each comes as extra inputs and outputs.
 */
import { Binding, type RunOptions } from '../ort/binding.js';
import type { Session } from '../ort/session.js';
import { ownArray, Tensor } from '../ort/tensor.js';
import type { KvCache, RowRange } from './kv-cache.js';

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
    const mask = ownArray(BigInt64Array, rows * total);
    for (let row = 0; row < rows; row++) {
      const tokens = ids[row] ?? [];
      for (let i = 0; i < length; i++) idArray[row * length + i] = BigInt(tokens[i] ?? 0);
      mask.fill(1n, row * total, row * total + (pasts[row] ?? 0) + length);
    }
    this.#bindTransient(binding, 'input_ids', Tensor.over(idArray, 'int64', [rows, length]));
    const { takesMask, takesPositions } = this.cache.spec;
    if (takesMask) this.#bindTransient(binding, 'attention_mask', Tensor.over(mask, 'int64', [rows, total]));
    if (takesPositions) {
      const positions = ownArray(BigInt64Array, rows * length);
      for (let i = 0; i < positions.length; i++)
        positions[i] = BigInt((pasts[Math.floor(i / length)] ?? 0) + (i % length));
      this.#bindTransient(binding, 'position_ids', Tensor.over(positions, 'int64', [rows, length]));
    }
    for (const [name, tensor] of Object.entries(tensors.inputs)) binding.input(name, tensor);
    for (const [name, tensor] of Object.entries(tensors.outputs)) binding.output(name, tensor);
    binding.run(this.runOptions);
    this.cache.advance(range);
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
