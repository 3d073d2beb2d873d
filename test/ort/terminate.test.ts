/** Ending a run that is in progress in another thread, on the embedded model, whose runs take long enough for it. */
import assert from 'node:assert/strict';
import { on } from 'node:events';
import { test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { terminateRun } from '../../src/ort/binding.js';
import type { LongRunMessage } from './long-run-thread.js';

test('terminateRun ends a run in progress in another thread, and later runs with its options', async () => {
  const worker = new Worker(new URL('./long-run-thread.js', import.meta.url));
  const messages = on(worker, 'message');
  const next = async () => (await messages.next()).value[0] as LongRunMessage;
  const begun = await next();
  assert.ok('handle' in begun);
  const ended = next();
  let isEnded = false;
  void ended.then(() => {
    isEnded = true;
  });
  await after(100);
  assert.ok(!isEnded, 'the run is in progress');
  terminateRun(begun.handle);
  for (const message of [await ended, await next()]) {
    assert.ok('outcome' in message);
    assert.match(message.outcome, /OrtError: run: .*terminate/i);
  }
  await worker.terminate();
});
