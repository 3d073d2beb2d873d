/** The time that is left counts what is to be fitted, not answers alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ProgressMeter } from '../../src/benchmark/progress.js';
import type { BenchRecord } from '../../src/benchmark/records.js';
import { sampleRun } from './report/sample-run.js';

test('answers that need no fit promise no early end, and what an earlier process did is no part of the rate', async () => {
  const { run, records } = sampleRun();
  const of = (kind: BenchRecord['kind']) => records.filter((record) => record.kind === kind);
  const answers = of('answer');
  const total = answers.length;
  const meter = new ProgressMeter(run, total, 0);
  for (const record of answers.slice(0, 30)) meter.add(record, true);
  assert.equal(meter.now.left, null);
  const began = performance.now();
  meter.start();
  for (const record of answers.slice(30, 50)) meter.add(record);
  await pause(20);
  const elapsed = (performance.now() - began) / 1000;
  const { done, left } = meter.now;
  assert.equal(done, 50);
  // By the answers alone it would be (total - 50) / 20 times as long as it took so far.
  const byAnswers = ((total - 50) / 20) * elapsed;
  assert.ok(left !== null && left > 4 * byAnswers, `${left} and ${byAnswers}`);
  for (const record of [...answers.slice(50), ...of('fit')]) meter.add(record);
  assert.equal(meter.now.left, 0);
});
