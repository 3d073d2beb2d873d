import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PromptLookup } from '../../../src/engine/schedule/prompt-lookup.js';

describe('prompt look-up', () => {
  test('what followed the last tokens before is the draft, and no more of it than asked for', () => {
    const lookup = new PromptLookup([5, 1, 2, 3, 4, 9, 8, 7, 1, 2]);
    assert.deepEqual(lookup.draft(3), [3, 4, 9]);
    assert.deepEqual(lookup.draft(1), [3]);
    assert.deepEqual(lookup.draft(0), []);
  });

  test('the place with more tokens alike counts, and among equals the last one', () => {
    const longer = new PromptLookup([6, 1, 2, 3, 40, 7, 2, 3, 50, 1, 2, 3]);
    assert.deepEqual(longer.draft(1), [40]);
    const equal = new PromptLookup([1, 2, 30, 1, 2, 40, 1, 2]);
    assert.deepEqual(equal.draft(1), [40]);
  });

  test('one token alike, or none, is no reason to guess', () => {
    assert.deepEqual(new PromptLookup([1, 2, 3, 9, 2]).draft(4), []);
    assert.deepEqual(new PromptLookup([1]).draft(4), []);
    assert.deepEqual(new PromptLookup([]).draft(4), []);
  });

  test('a text that repeats itself at short distance is guessed on', () => {
    assert.deepEqual(new PromptLookup([4, 7, 8, 7, 8, 7, 8]).draft(5), [7, 8, 7, 8, 7]);
    assert.deepEqual(new PromptLookup([3, 3, 3]).draft(3), [3, 3, 3]);
  });

  test('tokens of the answer are looked up as those of the prompt are', () => {
    const lookup = new PromptLookup([1, 2, 3]);
    for (const token of [4, 1, 2]) lookup.push(token);
    assert.deepEqual(lookup.draft(2), [3, 4]);
  });

  test('after wrong drafts it pauses, longer each time, and a right token ends that', () => {
    const pauseAfter = (failures: number) => {
      // Repeats itself wherever it is looked at.
      const lookup = new PromptLookup([1, 1, 1, 1]);
      for (let failure = 0; failure < failures; failure++) lookup.accepted(0);
      let pause = 0;
      for (; lookup.draft(1).length === 0; pause++) lookup.push(1);
      return pause;
    };
    assert.deepEqual([0, 1, 2, 3].map(pauseAfter), [0, 1, 3, 7]);
    assert.equal(pauseAfter(20), 32);
    const lookup = new PromptLookup([1, 1, 1]);
    lookup.accepted(0);
    assert.deepEqual(lookup.draft(1), []);
    lookup.accepted(2);
    assert.deepEqual(lookup.draft(1), [1]);
  });
});
