import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PairText } from '../../../src/engine/schedule/pair-order.js';
import { textGroup } from '../../../src/engine/schedule/text-groups.js';

const limits = { rows: 8, capacity: 128, longest: 64 };

function text(answer: number, more: Partial<PairText> & { readonly past?: number } = {}): PairText {
  const tokens = (length: number) => new Array<number>(length).fill(5);
  const { past = 20, ...rest } = more;
  return { prompt: tokens(past), answer: tokens(answer), edit: [], at: 0, known: 0, knownAt: 0, ...rest };
}
const texts = (count: number, answer = 24) => Array.from({ length: count }, () => text(answer));

test('as many as there are rows are read together', () => {
  assert.equal(textGroup(texts(20), limits), 8);
  assert.equal(textGroup(texts(6), limits), 6);
});

test('too few, and those that are mostly padding or known, are read one by one', () => {
  assert.equal(textGroup(texts(5), limits), 1);
  assert.equal(textGroup([], limits), 1);
  assert.equal(textGroup([text(60), ...texts(7, 10)], limits), 1);
  assert.equal(textGroup([text(24), ...Array.from({ length: 7 }, () => text(24, { known: 20 }))], limits), 1);
  // A long one at the end does not spoil those before it.
  assert.equal(textGroup([...texts(6, 12), text(64)], limits), 6);
});

test('a group ends before what cannot be read with others', () => {
  const none = new Float32Array(1);
  const edit = [{ vectors: none, add: none, scale: none, from: 0, to: 5 }];
  for (const odd of [text(1), text(65), text(24, { past: 2 }), text(24, { past: 120 }), text(24, { edit })]) {
    assert.equal(textGroup([...texts(6), odd, text(24)], limits), 6);
    assert.equal(textGroup([odd, ...texts(7)], limits), 1);
  }
});
