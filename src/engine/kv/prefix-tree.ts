/**
 * Keys and values of beginnings of prompts, to be found again by what they were computed from: a tree whose nodes are
 * one page each. A node at depth d has the keys of positions [d * pageTokens, ...), and its ancestors have those before
 * them, so what prompts have in common is held once.
 *
 * A position's key stands for its token and for the edit that was applied there (prefix-keys.ts). The key and value of
 * a position depend on those of all positions before it and on nothing else, so where all keys are equal they are, too.
 */
import { type KvPages, type Page, pageTokens } from './kv-pages.js';

interface Node {
  readonly parent: Node | null;
  /** Keys of its positions: as many as a page has, or fewer in a leaf. */
  keys: readonly number[];
  readonly page: Page;
  readonly children: Node[];
  /** Whether it was ever used for somebody who may come back; so then were its ancestors. */
  lasting: boolean;
}

/** A page that holds the first `count` tokens from position `at` on. */
export interface FoundPage {
  readonly page: Page;
  readonly at: number;
  readonly count: number;
}

/** Copies the keys and values of positions [from, to) to a page, from the page's token `at` on. */
export type SavePositions = (from: number, to: number, page: Page, at: number) => void;

export class PrefixTree {
  readonly #roots: Node[] = [];
  /** All nodes, the one used least recently first. A node is before its ancestors, so the first one is a leaf. */
  readonly #byUse = new Set<Node>();

  constructor(readonly pages: KvPages) {}

  /** Pages that are held. */
  get size(): number {
    return this.#byUse.size;
  }

  /**
   * The pages of the longest beginning of these keys that is held. They stay as they are until the next `insert`.
   * @param lasting whether they are wanted for longer than the work that is going on
   */
  find(keys: readonly number[], lasting = true): FoundPage[] {
    const found: FoundPage[] = [];
    const path: Node[] = [];
    for (let siblings: readonly Node[] = this.#roots, at = 0; at < keys.length; at += pageTokens) {
      const { node, common } = closest(siblings, keys, at);
      if (!node) break;
      path.push(node);
      found.push({ page: node.page, at, count: common });
      if (common < pageTokens) break;
      siblings = node.children;
    }
    this.#touch(path, lasting);
    return found;
  }

  /**
   * Holds the first `to` positions of these keys, or as many of them as there is room for: what was used least recently
   * makes room.
   */
  insert(keys: readonly number[], to: number, save: SavePositions, lasting = true): void {
    const path: Node[] = [];
    for (let at = 0; at < to; at += pageTokens) {
      const parent = path.at(-1) ?? null;
      const siblings = parent?.children ?? this.#roots;
      const wanted = keys.slice(at, Math.min(to, at + pageTokens));
      const { node, common } = closest(siblings, keys, at, wanted.length);
      if (node && common === wanted.length) path.push(node);
      else if (node && common === node.keys.length) {
        // A leaf that is not full: its text goes on.
        save(at + common, at + wanted.length, node.page, common);
        node.keys = wanted;
        path.push(node);
      } else {
        const page = this.#pageBeside(path);
        if (!page) break;
        save(at, at + wanted.length, page, 0);
        const added: Node = { parent, keys: wanted, page, children: [], lasting };
        siblings.push(added);
        path.push(added);
      }
    }
    this.#touch(path, lasting);
  }

  /** Gives back the pages that nobody wanted for longer than the work that was going on. */
  dropPassing(): void {
    for (const node of this.#byUse) if (!node.lasting) this.#drop(node);
  }

  /** Gives pages back until at most `most` are held, those used least recently first. */
  shrink(most: number): void {
    for (const node of this.#byUse) {
      if (this.size <= most) return;
      this.#drop(node);
    }
  }

  /** A page for a node at the end of a path, which stays. */
  #pageBeside(path: readonly Node[]): Page | null {
    const page = this.pages.take();
    if (page) return page;
    this.#touch(path, false);
    const [oldest] = this.#byUse;
    if (!oldest || path.includes(oldest)) return null;
    this.#drop(oldest);
    return this.pages.take();
  }

  /** The nodes of a path from a root have just been used. */
  #touch(path: readonly Node[], lasting: boolean): void {
    for (const node of path.toReversed()) {
      node.lasting ||= lasting;
      this.#byUse.delete(node);
      this.#byUse.add(node);
    }
  }

  /** @param leaf a node without children */
  #drop(leaf: Node): void {
    const siblings = leaf.parent?.children ?? this.#roots;
    siblings.splice(siblings.indexOf(leaf), 1);
    this.#byUse.delete(leaf);
    this.pages.give(leaf.page);
  }
}

/** The node that has the most of these keys from `at` on, and how many: null and 0 when none has the first one. */
function closest(
  nodes: readonly Node[],
  keys: readonly number[],
  at: number,
  most = pageTokens,
): { readonly node: Node | null; readonly common: number } {
  let node: Node | null = null;
  let common = 0;
  for (const candidate of nodes) {
    const end = Math.min(candidate.keys.length, most, keys.length - at);
    let count = 0;
    while (count < end && candidate.keys[count] === keys[at + count]) count++;
    if (count > common) {
      node = candidate;
      common = count;
    }
  }
  return { node, common };
}
