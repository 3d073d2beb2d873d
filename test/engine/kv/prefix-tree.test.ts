/** The tree of kept beginnings against a model of it: what it finds is what was put in, and it never takes more. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Random } from '../../../src/common/random.js';
import { KvPages, type Page, pageTokens } from '../../../src/engine/kv/kv-pages.js';
import { PrefixTree } from '../../../src/engine/kv/prefix-tree.js';
import type { ModelSpec } from '../../../src/engine/model-spec.js';

const headSize = 2;
const spec = { layers: [{}], kvHeads: 1, headSize, kvType: 'float32' } as unknown as ModelSpec;
const pageBytes = 2 * pageTokens * headSize * 4;

/** A tree of at most `pages` pages; what is "computed" at a position is its key. */
function tree(pages: number) {
  const memory = new KvPages(spec, pages * pageBytes + 3);
  const kept = new PrefixTree(memory);
  let saved = 0;
  return {
    memory,
    kept,
    saved: () => saved,
    insert(keys: readonly number[], to = keys.length, lasting = true) {
      kept.insert(
        keys,
        to,
        (from, end, page, at) => {
          saved += end - from;
          for (let i = from; i < end; i++) page[at + i - from] = keys[i] ?? Number.NaN;
        },
        lasting,
      );
    },
    /** How many positions it finds; what it finds must be what belongs there. */
    find(keys: readonly number[]): number {
      let next = 0;
      for (const { page, at, count } of kept.find(keys)) {
        assert.equal(at, next);
        assert.deepEqual([...(page as Page).subarray(0, count)], keys.slice(at, at + count));
        next += count;
      }
      return next;
    },
  };
}

const text = (length: number, seed = 1) => Array.from({ length }, (_, i) => seed * 1000 + i);

describe('beginnings of prompts', () => {
  test('all of a text that was put in is found, and of another one what they have in common', () => {
    const { insert, find } = tree(8);
    insert(text(100));
    assert.equal(find(text(100)), 100);
    assert.equal(find(text(70)), 70);
    assert.equal(find([...text(70), 7, 7]), 70);
    assert.equal(find([...text(3), 7]), 3);
    assert.equal(find(text(100, 2)), 0);
    assert.equal(find([]), 0);
  });

  test('what only passing work wanted goes when that is over, what others have in common with it stays', () => {
    const { insert, find, kept, memory } = tree(12);
    const shared = text(40);
    insert([...shared, ...text(50, 2)], undefined, false);
    insert(text(60, 3), undefined, false);
    insert([...shared, ...text(40, 4)]);
    insert(text(60, 5), undefined, false);
    assert.equal(find(text(60, 5)), 60);
    kept.dropPassing();
    assert.equal(find([...shared, ...text(40, 4)]), 80);
    assert.equal(find([...shared, ...text(50, 2)]), 40);
    assert.equal(find(text(60, 3)), 0);
    assert.equal(find(text(60, 5)), 60, 'it was asked for since');
    assert.equal(memory.taken, kept.size);
  });

  test('a text that goes on is saved once', () => {
    const { insert, find, saved, kept } = tree(8);
    insert(text(200), 50);
    insert(text(200), 90);
    insert(text(200), 90);
    assert.equal(saved(), 90);
    assert.equal(find(text(200)), 90);
    assert.equal(kept.size, Math.ceil(90 / pageTokens));
  });

  test('texts that part within a page are both found', () => {
    const { insert, find } = tree(8);
    const other = [...text(40), ...text(30, 2)];
    insert(text(70));
    insert(other);
    assert.deepEqual([find(text(70)), find(other)], [70, 70]);
  });

  test('what was used least recently makes room, and a beginning stays as long as what follows it', () => {
    const { insert, find, kept } = tree(3);
    insert(text(pageTokens, 1));
    insert(text(pageTokens, 2));
    insert(text(pageTokens, 3));
    find(text(pageTokens, 1));
    insert(text(2 * pageTokens, 4));
    assert.deepEqual(
      [1, 2, 3].map((seed) => find(text(pageTokens, seed))),
      [pageTokens, 0, 0],
    );
    assert.equal(find(text(2 * pageTokens, 4)), 2 * pageTokens);
    assert.equal(kept.size, 3);
  });

  test('of a text longer than everything the beginning is kept', () => {
    const { insert, find } = tree(2);
    insert(text(500));
    assert.equal(find(text(500)), 2 * pageTokens);
  });

  test('pages are given back on demand, and none is taken without memory', () => {
    const { insert, find, kept, memory } = tree(4);
    insert(text(100));
    kept.shrink(1);
    assert.deepEqual([kept.size, memory.taken, find(text(100))], [1, 1, pageTokens]);
    kept.shrink(0);
    assert.deepEqual([kept.size, memory.taken, find(text(100))], [0, 0, 0]);
    const none = tree(0);
    none.insert(text(10));
    assert.equal(none.find(text(10)), 0);
  });

  test('a thousand random texts: what is found is right, and the bound holds', () => {
    const random = new Random(5);
    const { insert, find, kept, memory } = tree(12);
    const below = (end: number) => Math.floor(random.uniform() * end);
    const texts: number[][] = [text(10)];
    let hits = 0;
    for (let turn = 0; turn < 1000; turn++) {
      const before = texts[below(texts.length)] ?? [];
      const own = Array.from({ length: 1 + below(80) }, () => below(3));
      const next = [...before.slice(0, below(before.length + 1)), ...own];
      texts.push(next);
      if (texts.length > 30) texts.shift();
      hits += find(next);
      insert(next, 1 + below(next.length));
      assert.ok(kept.size <= 12 && memory.taken === kept.size);
    }
    assert.ok(hits > 10_000, `${hits}`);
  });
});
