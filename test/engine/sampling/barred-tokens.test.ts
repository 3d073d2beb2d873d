/** allowed_token_ids and bad_words, told from what a sequence samples. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { greedy, type SequenceRequest } from '../../../src/engine/protocol.js';
import { Sampler } from '../../../src/engine/sampling/sampler.js';
import { Sequence } from '../../../src/engine/schedule/sequence.js';

const size = 8;
const end = 7;
const sampler = new Sampler(size);

/** The greedy answer of a model that always likes token 0 best, then 1, ... */
function answer(more: Partial<SequenceRequest>, likes = [8, 7, 6, 5, 4, 3, 2, 1]): number[] {
  const sequence = new Sequence(1, {
    prompt: [1],
    maxTokens: 6,
    stopTokens: [end],
    minTokens: 0,
    sampling: greedy,
    edit: [],
    priority: 'interactive',
    ...more,
  });
  const tokens: number[] = [];
  for (;;) {
    const { token, finish } = sequence.sample(Float32Array.from(likes), sampler);
    if (token !== null) tokens.push(token);
    if (finish !== null) return tokens;
  }
}

test('only allowed tokens come, at any temperature', () => {
  assert.deepEqual(answer({ allowedTokens: [5, 3] }), [3, 3, 3, 3, 3, 3]);
  assert.deepEqual(answer({ allowedTokens: [end] }), []);
  const hot = answer({
    allowedTokens: [2, 4, 6],
    maxTokens: 300,
    sampling: { ...greedy, temperature: 2, seed: 5 },
  });
  assert.deepEqual([...new Set(hot)].sort(), [2, 4, 6]);
});

test('a bad word of one token never comes, a longer one is never completed', () => {
  assert.deepEqual(answer({ badWords: [[0]] }), [1, 1, 1, 1, 1, 1]);
  assert.deepEqual(answer({ badWords: [[0, 0]] }), [0, 1, 0, 1, 0, 1]);
  assert.deepEqual(answer({ badWords: [[0, 0], [0, 1, 0], [1]] }), [0, 2, 0, 2, 0, 2]);
  assert.deepEqual(answer({ badWords: [[0, 0, 1]] }), [0, 0, 0, 0, 0, 0]);
});

test('a ban on all that is allowed gives way: something must come', () => {
  assert.deepEqual(answer({ allowedTokens: [2], badWords: [[2]], maxTokens: 2 }), [2, 2]);
});
