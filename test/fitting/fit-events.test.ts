/** A log that many read: what each gets, when, and that none holds anything up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReadOptions } from '../../src/common/job-event-log.js';
import { FitEventLog } from '../../src/fitting/fit-events.js';
import { FitEvent, type FitJob } from '../../src/schemas/fit-jobs.js';

const job = (status: FitJob['status'], over = false) =>
  ({ status, error: null, concept: null, finished_at: over ? 1 : null }) as FitJob;
const none = new AbortController().signal;

async function everything(log: FitEventLog, options: ReadOptions = {}): Promise<FitEvent[]> {
  const all: FitEvent[] = [];
  for await (const batch of log.read(none, options)) all.push(...batch);
  return all;
}

const brief = (events: readonly FitEvent[]) =>
  events.map(({ id, type, message }) => `${id} ${type} ${message}`);

function finishedLog(): FitEventLog {
  const log = new FitEventLog();
  log.status(job('queued'));
  log.status(job('running'));
  for (let done = 0; done <= 3; done++) log.progress('capture', done, 3);
  log.progress('direction', 0, 2);
  log.layer({ layer: 2, seconds: 0.5 });
  log.progress('direction', 1, 2);
  log.status(job('succeeded', true));
  return log;
}

test('a log tells all but progress that is outdated, and what came after a given event', async () => {
  const log = finishedLog();
  const expected = [
    '1 status queued',
    '2 status running',
    '6 progress capture 3/3',
    '8 layer layer 2',
    '9 progress direction 1/2',
    '10 status succeeded',
  ];
  const all = await everything(log);
  for (const one of all) FitEvent.parse(one);
  assert.deepEqual(brief(all), expected);
  assert.deepEqual(brief(await everything(log, { after: 7 })), expected.slice(3));
  assert.ok(log.isOver(10) && !log.isOver(9));
  assert.deepEqual(await everything(log, { after: 10 }), []);
  assert.equal(log.readers, 0);
});

test('many ticks reach a reader as few events, the last of them always', async () => {
  const log = new FitEventLog();
  log.status(job('running'));
  const read = everything(log, { pace: 20 });
  const started = performance.now();
  for (let done = 1; done <= 2000; done++) {
    log.progress('capture', done, 2000);
    if (done % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  log.status(job('succeeded', true));
  const seconds = (performance.now() - started) / 1000;
  const events = await read;
  assert.ok(events.length <= 4 + seconds * 50, `${events.length} events in ${seconds} s`);
  assert.ok(events.length >= 3);
  assert.equal(events.at(-2)?.message, 'capture 2000/2000');
  assert.equal(events.at(-1)?.message, 'succeeded');
});

test('a reader that pauses misses outdated progress only, and one that leaves is forgotten', async () => {
  const log = new FitEventLog();
  log.status(job('running'));
  const slow = log.read(none);
  assert.equal((await slow.next()).value?.length, 1);
  for (let layer = 1; layer <= 50; layer++) {
    log.layer({ layer, seconds: 1 });
    log.progress('direction', layer, 50);
  }
  log.status(job('succeeded', true));
  const rest = (await slow.next()).value ?? [];
  assert.deepEqual(rest.length, 52);
  assert.ok((await slow.next()).done);

  const open = new FitEventLog();
  open.status(job('running'));
  const left = new AbortController();
  const reader = open.read(left.signal);
  await reader.next();
  const waiting = reader.next();
  assert.equal(open.readers, 1);
  left.abort(new Error('gone'));
  await assert.rejects(waiting, /gone/);
  assert.equal(open.readers, 0);
});

test('a long silence is told by an empty batch', async () => {
  const log = new FitEventLog();
  log.status(job('queued'));
  const reader = log.read(none, { pace: 1, silence: 5 });
  assert.equal((await reader.next()).value?.length, 1);
  assert.deepEqual((await reader.next()).value, []);
  log.status(job('cancelled', true));
  assert.equal((await reader.next()).value?.[0]?.message, 'cancelled');
  assert.ok((await reader.next()).done);
});
