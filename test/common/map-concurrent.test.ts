import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { mapConcurrent } from '../../src/common/map-concurrent.js';

test('results keep the order of the items, with no more in flight than allowed', async () => {
  let running = 0;
  let most = 0;
  const results = await mapConcurrent([5, 1, 4, 2, 3], 2, new AbortController().signal, async (turns) => {
    most = Math.max(most, ++running);
    for (let i = 0; i < turns; i++) await nextTurn();
    running--;
    return turns * 10;
  });
  assert.deepEqual(results, [50, 10, 40, 20, 30]);
  assert.equal(most, 2);
});

test('the first failure ends the others before it is thrown', async () => {
  let running = 0;
  const failure = new Error('first');
  await assert.rejects(
    mapConcurrent([0, 1, 2, 3], 3, new AbortController().signal, async (item, _, signal) => {
      running++;
      try {
        await nextTurn();
        if (item === 1) throw failure;
        for (;;) {
          await nextTurn();
          signal.throwIfAborted();
        }
      } finally {
        running--;
      }
    }),
    failure,
  );
  assert.equal(running, 0);
});
