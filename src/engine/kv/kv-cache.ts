/**
 * The two kinds of KV cache, one for each way in which a graph keeps keys and values (`ModelSpec.kvLayout`). A cache has
 * one row for each slot, which holds the keys and values of one sequence, and behind them a scratch row.
 */
import { sameElements } from '../../common/common-length.js';
import type { Binding } from '../../ort/binding.js';
import { ownArray } from '../../ort/tensor.js';
import type { ModelSpec } from '../model-spec.js';

/** Keys or values in host memory. */
export type KvArray = Float32Array | Uint16Array | Int8Array;

/** An array of `length` elements of the type that the model's keys and values have. */
export function newKvArray({ kvType }: ModelSpec, length: number): KvArray {
  if (kvType === 'int8') return ownArray(Int8Array, length);
  return kvType === 'float16' ? ownArray(Uint16Array, length) : ownArray(Float32Array, length);
}

/** Rows [first, first + rows) of a KV cache that a run works on. */
export interface RowRange {
  readonly first: number;
  readonly rows: number;
}

interface KvRows {
  readonly spec: ModelSpec;
  /** Whether it is in a device's memory. */
  readonly onDevice: boolean;
  readonly slots: number;
  /** Tokens that one row holds. */
  readonly capacity: number;
  /** Index of the row behind the slots: for given texts. A cache without slots has only this row. */
  readonly scratch: number;
  /**
   * Makes row `to` hold the first `length` tokens of row `from`. What `to` held before is lost, and the contents of
   * `from` are unspecified from now on.
   */
  moveRow(from: number, to: number, length: number): void;
  /**
   * Rows `a` and `b` change places, as far as their first `length` tokens. Absent where rows cannot, as on a device: then
   * prompts are read one after another.
   */
  exchangeRows?(a: number, b: number, length: number): void;
  /** Nobody needs what the row holds: in host memory it takes none until it is used again. */
  forget(row: number): void;
  /** After the bindings are released, and before the session is. */
  release(): void;
}

/**
 * For graphs with GroupQueryAttention: each layer's keys and values are buffers of fixed capacity, past and present of
 * a run at once, [rows, kv_heads, capacity, head_size]. A run writes the new tokens behind the old ones, so nothing is
 * to be done after it. (Hugging Face: a static cache.)
 */
export interface InPlaceKvCache extends KvRows {
  readonly layout: 'in place';
  /**
   * Binds the buffers of these rows. A binding must always come with the same range: it is bound only once.
   * @param used how many of the rows are sequences; the others are padding rows, whose contents the run overwrites.
   *   All of them when left out.
   */
  bind(binding: Binding, range: RowRange, used?: number): void;
  /** The binding was released: releases what was made for it. */
  unbind(binding: Binding): void;
}

/**
 * For all other graphs: a run reads one row's past, [1, kv_heads, past, head_size], and writes past and new tokens
 * together to another tensor. (Hugging Face: a dynamic cache.)
 */
export interface ConcatenatedKvCache extends KvRows {
  readonly layout: 'concatenated';
  /** Binds what the row holds, `past` tokens, and memory for `tokens` more. */
  bind(binding: Binding, row: number, past: number, tokens: number): void;
  /** After the run that was bound last has succeeded: what it wrote is what the row holds from now on. */
  advance(row: number): void;
}

export type KvCache = InPlaceKvCache | ConcatenatedKvCache;

/** What a run needs of a cache. */
export type BoundKv =
  | Pick<InPlaceKvCache, 'layout' | 'bind' | 'unbind'>
  | Pick<ConcatenatedKvCache, 'layout' | 'bind' | 'advance'>;

/** Which tokens a row begins with, so that the next text with the same prefix need not compute it again. */
export class CachedPrefix {
  #tokens: readonly number[] = [];
  #texts = 0;

  /** How many texts have begun in the row: as long as it stays, nobody else has used the row. */
  get texts(): number {
    return this.#texts;
  }

  /** What the row begins with: another object whenever that was computed anew. */
  get tokens(): readonly number[] {
    return this.#tokens;
  }

  /** Whether the row holds this prefix, and no longer one. */
  holds(prefix: readonly number[]): boolean {
    return sameElements(this.#tokens, prefix);
  }

  /**
   * A text begins that starts with `prefix`. The row's former prefix is forgotten unless it is this one.
   * @returns how many tokens of the prefix the row holds already: all or none.
   */
  start(prefix: readonly number[]): number {
    this.#texts++;
    if (!this.holds(prefix)) this.#tokens = [];
    return this.#tokens.length;
  }

  /** The row holds the whole prefix now. */
  store(prefix: readonly number[]): void {
    this.#tokens = prefix;
  }
}
