/** Waiting no longer than a limit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settlesWithin } from '../../src/common/bounded-wait.js';

test('what ends in time, well or badly, is told from what goes on', async () => {
  assert.equal(await settlesWithin(Promise.resolve(1), 60_000), true);
  assert.equal(await settlesWithin(Promise.reject(new Error('bad')), 60_000), true);
  assert.equal(await settlesWithin(new Promise(() => {}), 5), false);
});

test('what fails after the wait is nobody’s unhandled rejection', async (t) => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  t.after(() => process.off('unhandledRejection', note));
  const late = new Promise((_, reject) => setTimeout(reject, 15, new Error('late')));
  assert.equal(await settlesWithin(late, 1), false);
  await new Promise((resolve) => setTimeout(resolve, 40));
  assert.deepEqual(unhandled, []);
});
