import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closest, editDistance } from '../../src/common/closest.js';

test('edit distance counts insertions, deletions, substitutions and swaps', () => {
  assert.equal(editDistance('', 'abc'), 3);
  assert.equal(editDistance('kitten', 'sitting'), 3);
  assert.equal(editDistance('same', 'same'), 0);
  assert.equal(editDistance('form', 'from'), 1);
  assert.equal(closest('Concpet', ['strength', 'concept']), 'concept');
  assert.equal(closest('qqqq', ['strength', 'concept']), undefined);
});
