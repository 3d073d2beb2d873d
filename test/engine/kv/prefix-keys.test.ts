/** Keys of positions: equal where token and effective edit are, and nowhere else. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PrefixKeys } from '../../../src/engine/kv/prefix-keys.js';
import type { EditTerm } from '../../../src/engine/protocol.js';

const shared = (...values: number[]) => {
  const array = new Float32Array(new SharedArrayBuffer(4 * values.length));
  array.set(values);
  return array;
};
const term = (more: Partial<EditTerm> = {}): EditTerm => ({
  vectors: shared(0.6, 0.8, 1, 0),
  add: Float32Array.of(1, 0),
  scale: Float32Array.of(0, 0),
  from: 0,
  to: Number.POSITIVE_INFINITY,
  ...more,
});
const text = [5, 6, 7, 8];

describe('keys', () => {
  const keys = new PrefixKeys();
  const of = (...edit: EditTerm[]) => keys.of(text, edit);
  const common = (a: readonly number[], b: readonly number[]) => a.filter((key, i) => key === b[i]).length;

  test('the same text under the same edit has the same keys, whatever arrays hold it', () => {
    assert.deepEqual(of(), of());
    assert.deepEqual(of(term()), of(term()));
    assert.equal(new Set(of()).size, text.length);
  });

  test('other vectors, coefficients, order or space: no key is the same', () => {
    const other = term({ vectors: shared(0.8, 0.6, 1, 0) });
    const changed: readonly (readonly number[])[] = [
      of(),
      of(other),
      of(term({ add: Float32Array.of(1.0000001, 0) })),
      of(term({ scale: Float32Array.of(0, -1) })),
      of(term(), other),
      of(other, term()),
      keys.of(text, [term()], 'key-1'),
      keys.of(text, [term()], 'key-2'),
    ];
    for (const [i, one] of changed.entries()) {
      assert.equal(common(one, of(term())), 0);
      for (const another of changed.slice(0, i)) assert.equal(common(one, another), 0);
    }
  });

  test('a concept whose vectors are written over under its name is another one', () => {
    const concept = term();
    const before = of(concept);
    concept.vectors[0] = 0.5;
    assert.equal(common(before, of(concept)), 0);
  });

  test('outside its window, and without coefficients, a term changes no key', () => {
    assert.equal(common(of(term({ from: 2 })), of()), 2);
    assert.deepEqual(of(term({ from: 2 })).slice(2), of(term()).slice(2));
    assert.equal(common(of(term({ from: 1, to: 3 })), of()), 2);
    assert.deepEqual(of(term({ from: 4 })), of());
    assert.deepEqual(of(term({ add: Float32Array.of(0, 0) })), of());
  });
});
