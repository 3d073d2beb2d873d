import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chunkEnd, scoredChunk, uncut } from '../../../src/engine/schedule/chunks.js';

test('runs cover a text once, no longer than asked, and no block of rows in them has one row', () => {
  for (const size of [1, 2, 3, 4, 5, 7, 16, 63, 64, 65, 100, 128, 129, 512])
    for (const start of [0, 5])
      for (let length = 1; length <= 400; length++) {
        const end = start + length;
        const runs: number[] = [];
        for (let at = start; at < end; ) {
          const next = chunkEnd(at, end, size);
          assert.ok(next > at && next <= end);
          runs.push(next - at);
          at = next;
        }
        const about = `size ${size}, ${length} tokens: ${runs}`;
        assert.ok(
          runs.every((run) => run <= Math.max(3, size)),
          about,
        );
        if (length === 1) continue;
        for (const block of [64, 102, 128, 160, 192, 256])
          for (const run of runs) assert.notEqual(run % block, 1, about);
        assert.ok(runs.length <= Math.ceil(length / Math.max(2, size - (size % 2))) + 1, about);
      }
});

test('where every position needs logits chunks are short, but a text that must be whole stays whole', () => {
  assert.equal(scoredChunk(16), 16);
  assert.equal(scoredChunk(512), 64);
  assert.equal(chunkEnd(0, 1000, scoredChunk(uncut)), 1000);
});
