/** Progress in steps: its first and its last are told, and what comes at once in between is not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inSteps } from '../../src/common/in-steps.js';

test('the first and the last are told, of a thousand at once few others', (t) => {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const told: number[] = [];
  const note = inSteps<{ done: number; total: number }>(({ done }) => told.push(done));
  for (let done = 0; done <= 1000; done++) {
    note({ done, total: 1000 });
    if (done === 500) now += 100;
  }
  assert.deepEqual(told, [0, 501, 1000]);
});
