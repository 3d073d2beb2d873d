/** What is kept of held bases from request to request has an end, whatever requests bring. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Concept } from '../../src/concepts/concept.js';
import { BasisCache } from '../../src/steering/held-basis.js';
import { sampleConcept } from '../concepts/sample.js';

/** Wide enough that its numbers outweigh everything else of an entry. */
const wide = (name: string, seed: number) => sampleConcept(name, { seed, hiddenSize: 1024 });
const set = (concept: Concept, layers = [1, 2, 3]) => ({ concept, layers });
const bytesOf = (concept: Concept) => concept.vectors.byteLength;

test('directions that stay as they are count with all that they keep alive', () => {
  const one = wide('one', 1);
  const limits = { bytes: 20 * bytesOf(one), entries: 1000 };
  const cache = new BasisCache(limits);
  for (let seed = 1; seed <= 100; seed++) {
    const next = wide('one', seed);
    const { vectors } = cache.basisOf([set(next)]);
    assert.equal(vectors[0], next.vectors, 'not a copy');
    assert.ok(cache.bytes <= limits.bytes, `${cache.bytes} bytes after ${seed}`);
    assert.ok(cache.bytes >= cache.entries * bytesOf(one), 'the vectors count');
  }
  assert.ok(cache.entries > 1 && cache.entries < 20, `${cache.entries} entries`);
});

test('there is a most number of entries, and the least recently used goes first', () => {
  const one = wide('one', 1);
  const cache = new BasisCache({ bytes: 2 ** 30, entries: 3 });
  const at = (...layers: number[]) => cache.basisOf([set(one, layers)]);
  const [first, second] = [at(1), at(2)];
  at(3);
  assert.equal(at(1), first, 'known');
  at(1, 2);
  assert.equal(cache.entries, 3);
  assert.equal(at(1), first, 'used since');
  assert.notEqual(at(2), second, 'gone');
  assert.equal(cache.entries, 3);
});

test('one that is larger than all there is room for is kept alone, and vectors of another concept are not mistaken', () => {
  const [a, b] = [wide('a', 1), wide('b', 2)];
  const cache = new BasisCache({ bytes: 1, entries: 10 });
  const basis = cache.basisOf([set(a), set(b)]);
  assert.equal(cache.basisOf([set(a), set(b)]), basis);
  const copied = { ...b, vectors: b.vectors.slice() };
  assert.notEqual(cache.basisOf([set(a), set(copied)]), basis);
  assert.equal(cache.entries, 1);
  const before = cache.bytes;
  cache.basisOf([set(a), set(copied)]);
  assert.equal(cache.bytes, before, 'nothing is counted twice');
});
