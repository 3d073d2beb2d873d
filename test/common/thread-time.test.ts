/** A limit on work is of the thread's own time: waiting does not use it up, working does. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { thisThread, untilWorked, workedMilliseconds } from '../../src/common/thread-time.js';

const limit = 50;
const told = thisThread() !== null ? false : 'this system does not tell what a thread worked';

/** Milliseconds of the clock until a thread that runs `script` has worked as long as the limit. */
async function clockUntilWorked(script: string): Promise<number> {
  const source = `
    const { parentPort } = require('node:worker_threads');
    const { readlinkSync } = require('node:fs');
    parentPort.postMessage('/proc/' + readlinkSync('/proc/thread-self'));
    setTimeout(() => { ${script} }, 0);
  `;
  const worker = new Worker(source, { eval: true });
  try {
    const [thread] = (await once(worker, 'message')) as [string];
    const started = performance.now();
    await untilWorked(thread, limit, AbortSignal.timeout(60_000));
    return performance.now() - started;
  } finally {
    await worker.terminate();
  }
}

test('a thread that waits has ten times as long by the clock', { skip: told }, async () => {
  const clock = await clockUntilWorked('Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);');
  assert.ok(clock >= 10 * limit - 1, `${clock} ms`);
});

test('a thread that works is over its limit once it has worked so long', { skip: told }, async () => {
  const clock = await clockUntilWorked('for (;;);');
  assert.ok(clock >= limit - 1, `${clock} ms`);
});

test('this thread has worked longer after work, and not after a wait', { skip: told }, async () => {
  const thread = thisThread();
  const before = workedMilliseconds(thread);
  const end = performance.now() + 30;
  while (performance.now() < end);
  const worked = workedMilliseconds(thread);
  assert.ok(worked > before);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(workedMilliseconds(thread) - worked < 250);
});

test('whoever does not wait any longer is told at once', async () => {
  await assert.rejects(untilWorked(null, 60_000, AbortSignal.abort()), { name: 'AbortError' });
});
