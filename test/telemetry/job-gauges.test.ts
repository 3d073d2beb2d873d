/** The numbers of jobs are those of the scrape that asks, whoever else asks at the same time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Metrics } from '../../src/telemetry/metrics.js';

test('what waits is told as it is, the first time and each time after, to several who ask at once', async () => {
  const metrics = new Metrics();
  let waiting = 3;
  let reads = 0;
  metrics.observeJobs({
    fit: async () => {
      reads++;
      await pause(5);
      return { own: { queued: waiting, running: 1 }, waiting };
    },
    pull: () => Promise.reject(new Error('the database is away')),
  });
  const scraped = async () => {
    const text = await metrics.registry.metrics();
    return text.split('\n').filter((line) => /^steerd_(jobs|jobs_waiting|fits)\{/.test(line));
  };
  const told = (count: number) => [
    `steerd_jobs_waiting{kind="fit"} ${count}`,
    `steerd_jobs{kind="fit",status="queued"} ${count}`,
    'steerd_jobs{kind="fit",status="running"} 1',
    `steerd_fits{status="queued"} ${count}`,
    'steerd_fits{status="running"} 1',
  ];
  assert.deepEqual(await scraped(), told(3));
  assert.equal(reads, 1);
  waiting = 8;
  assert.deepEqual(await Promise.all([scraped(), scraped()]), [told(8), told(8)]);
});
