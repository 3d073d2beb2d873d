/**
 * Prompts that begin like one that was computed before, under the same edit, do not compute that again: their keys and
 * values are copied into their slot. Only what was computed as part of a prompt is kept. Keys and values that decoding
 * wrote differ from those of the same text as a prompt in their last bits, and an answer must not depend on whether its
 * beginning was found (docs/decisions, records 4 and 13).
 */
import { commonLength, sameElements } from '../../common/common-length.js';
import { HostKvCache } from '../kv/host-kv-cache.js';
import type { KvCache } from '../kv/kv-cache.js';
import type { KvPages } from '../kv/kv-pages.js';
import { PrefixKeys } from '../kv/prefix-keys.js';
import { PrefixTree, type SavePositions } from '../kv/prefix-tree.js';
import type { RunOutput } from '../run/fixed-shape-step.js';
import { isInteractive, type Sequence } from '../schedule/sequence.js';

/** A run of one token has other last bits (schedule/chunks.ts): a prompt's last run has two tokens at least. */
const leastRun = 2;

interface Kept {
  readonly tree: PrefixTree;
  readonly cache: HostKvCache;
}

export class PrefixReuse {
  /** Null where nothing is kept. */
  readonly #kept: Kept | null;
  readonly #keys = new PrefixKeys();
  /** Of sequences whose prompts are not read yet: the keys of their positions. */
  readonly #keysOf = new WeakMap<Sequence, readonly number[]>();
  /** The prompt that was read last: its keys, and the logits [V] behind it. Choices of one request often share both. */
  #last: { readonly keys: readonly number[]; readonly logits: Float32Array } | null = null;
  /** Of sequences whose whole prompts were that one: its logits. */
  readonly #known = new WeakMap<Sequence, Float32Array>();

  /**
   * @param pages null to keep nothing
   * @param shared whether requests may use what those of another space have computed
   */
  constructor(
    pages: KvPages | null,
    cache: KvCache,
    readonly shared: boolean,
  ) {
    const keeps = pages !== null && cache instanceof HostKvCache;
    this.#kept = keeps ? { tree: new PrefixTree(pages), cache } : null;
  }

  /** What is kept may take that many bytes from now on. */
  limit(bytes: number): void {
    if (!this.#kept) return;
    const { tree } = this.#kept;
    tree.pages.setLimit(bytes);
    tree.shrink(tree.pages.limit);
    if (tree.pages.limit === 0) this.#last = null;
  }

  /** What only background work wanted, a fit say, is not asked for again when that is over. */
  forgetBackground(): void {
    this.#kept?.tree.dropPassing();
  }

  /** Copies what is known of the sequence's prompt into its slot. @returns how many tokens that are */
  begin(sequence: Sequence, slot: number): number {
    const keys = this.#keysFor(sequence);
    if (!this.#kept || !keys || sequence.readsPrompt) return 0;
    const { tree, cache } = this.#kept;
    const { prompt } = sequence.request;
    const found = tree.find(keys, isInteractive(sequence));
    const held = found.reduce((sum, { count }) => sum + count, 0);
    const logits =
      held === prompt.length && sequence.monitored.length === 0 ? this.#logitsBehind(keys) : null;
    const used = logits ? held : Math.min(held, prompt.length - leastRun);
    for (const { page, at, count } of found)
      if (at < used) cache.restore(slot, at, page, Math.min(count, used - at));
    if (logits) this.#known.set(sequence, logits);
    sequence.cached = used;
    return used;
  }

  /** Null for a sequence of whose prompt nothing can be kept. */
  #keysFor(sequence: Sequence): readonly number[] | null {
    const { prompt, edit, space } = sequence.request;
    // A prompt of one token is a run of one token.
    if (!this.#kept || this.#kept.tree.pages.limit === 0 || prompt.length < leastRun) return null;
    const known = this.#keysOf.get(sequence);
    if (known) return known;
    const keys = this.#keys.of(prompt, edit, this.shared ? '' : space);
    this.#keysOf.set(sequence, keys);
    return keys;
  }

  /** Whether most of a waiting sequence's prompt is being read for another one, and will then be known. */
  awaits(waiting: Sequence, reading: Sequence): boolean {
    if (waiting.readsPrompt) return false;
    const [keys, others] = [this.#keysFor(waiting), this.#keysFor(reading)];
    if (!this.#kept || !keys || !others) return false;
    const common = commonLength(keys, others);
    return common > keys.length / 2 && reading.cached < common;
  }

  #logitsBehind(keys: readonly number[]): Float32Array | null {
    return this.#last && sameElements(this.#last.keys, keys) ? this.#last.logits : null;
  }

  /** What a run of the rest of the sequence's prompt would give, if there is no rest and it is known. */
  known(sequence: Sequence): RunOutput | null {
    const logits = this.#known.get(sequence);
    // The sampler changes logits in place.
    return logits ? { logits: logits.slice(), projections: null } : null;
  }

  /** More of the sequence's prompt is in its slot. */
  computed(sequence: Sequence, slot: number): void {
    const keys = this.#keysOf.get(sequence);
    if (!this.#kept || !keys) return;
    const { tree, cache } = this.#kept;
    const save: SavePositions = (from, to, page, at) => cache.save(slot, from, to, page, at);
    tree.insert(keys, sequence.computed, save, isInteractive(sequence));
  }

  /** All of the sequence's prompt is in its slot. @param logits of its last positions, the last V behind it */
  ended(sequence: Sequence, logits: Float32Array): void {
    const keys = this.#keysOf.get(sequence);
    this.#keysOf.delete(sequence);
    if (!this.#kept || !keys || this.#known.has(sequence)) return;
    this.#last = { keys, logits: logits.slice(-this.#kept.cache.spec.vocabularySize) };
  }
}
