/** What whoever waits for a job is told, however the wait ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errors, SteerdError } from '../../src/errors.js';
import { endOfJob } from '../../src/fitting/end-of-job.js';

const running = {
  async *read(signal: AbortSignal) {
    yield 'begun';
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  },
};

test('a deadline names the job, which goes on; a client that left is no deadline; an end is an end', async () => {
  const cut = async (reason: Error) => {
    const controller = new AbortController();
    const wait = endOfJob(running, '/v1/fits/fit-1', controller.signal);
    setImmediate(() => controller.abort(reason));
    return wait.then(
      () => assert.fail('it did not end'),
      (error: unknown) => error,
    );
  };
  const late = await cut(errors.deadlineExceeded(600));
  assert.ok(late instanceof SteerdError);
  assert.deepEqual([late.status, late.code], [504, 'deadline_exceeded']);
  assert.match(late.message, /goes on: GET \/v1\/fits\/fit-1\?wait=true/);
  const gone = errors.clientGone();
  assert.equal(await cut(gone), gone);
  const ended = { async *read() {} };
  for (const events of [ended, undefined]) await endOfJob(events, '', new AbortController().signal);
});
