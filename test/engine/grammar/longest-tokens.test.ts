import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inByteAlphabet } from '../../../src/common/byte-alphabet.js';
import { LongestTokens } from '../../../src/engine/grammar/longest-tokens.js';

const bytes = (text: string) => inByteAlphabet(new TextEncoder().encode(text));

test('the longest token at each place, as many as asked for, as far as there are tokens', () => {
  const tokens = new LongestTokens(['', ...['{', '"', '{"', 'name', 'na', '": ', 'é', ' ', '{'].map(bytes)]);
  assert.deepEqual(tokens.of('{"name": ', 9), [3, 4, 6]);
  assert.deepEqual(tokens.of('{"name": ', 2), [3, 4]);
  assert.deepEqual(tokens.of('na é', 9), [5, 8, 7]);
  // x has no token; of two with one text the first counts.
  assert.deepEqual(tokens.of('{x{', 9), [1]);
  assert.deepEqual(tokens.of('', 9), []);
});
