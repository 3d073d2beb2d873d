/**
 * Memory for keys and values that no slot holds: pages of `pageTokens` tokens, [2 x layers, kv_heads, pageTokens,
 * head_size] each. It is taken a few pages at a time, up to a bound, and where the system allows it a page that is given
 * back takes no memory.
 */
import { forgetContents } from '../../ort/page-memory.js';
import { elementTypes } from '../../ort/tensor.js';
import type { ModelSpec } from '../model-spec.js';
import { kvRowBytes } from './cache-size.js';
import { type KvArray, newKvArray } from './kv-cache.js';

/** Tokens of a page: small against a turn of a conversation, and some hundred KiB of memory even in a small model. */
export const pageTokens = 32;

/** Pages that are allocated at once. */
const blockPages = 8;

/** As many elements as a page holds, of the type that the cache has. */
export type Page = KvArray;

export class KvPages {
  readonly #free: Page[] = [];
  #allocated = 0;
  #limit: number;
  /** Bytes of one page. */
  readonly pageBytes: number;

  /** @param bytes what all pages may take */
  constructor(
    readonly spec: ModelSpec,
    bytes: number,
  ) {
    this.pageBytes = kvRowBytes(spec, pageTokens);
    this.#limit = Math.floor(bytes / this.pageBytes);
  }

  /** Most pages that may be taken. */
  get limit(): number {
    return this.#limit;
  }

  /** Pages that are taken. */
  get taken(): number {
    return this.#allocated - this.#free.length;
  }

  /** @param bytes what all pages may take from now on; pages that are taken stay so */
  setLimit(bytes: number): void {
    this.#limit = Math.floor(bytes / this.pageBytes);
  }

  /** A page, its contents unspecified; null when all are taken. */
  take(): Page | null {
    if (this.taken >= this.#limit) return null;
    if (this.#free.length === 0) this.#allocate();
    return this.#free.pop() ?? null;
  }

  give(page: Page): void {
    forgetContents(page);
    this.#free.push(page);
  }

  #allocate(): void {
    const { array } = elementTypes[this.spec.kvType];
    const length = this.pageBytes / array.BYTES_PER_ELEMENT;
    const count = Math.max(1, Math.min(blockPages, this.#limit - this.#allocated));
    const block = newKvArray(this.spec, count * length);
    for (let i = count - 1; i >= 0; i--) this.#free.push(block.subarray(i * length, (i + 1) * length));
    this.#allocated += count;
  }
}
