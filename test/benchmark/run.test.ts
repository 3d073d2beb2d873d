/** A run ends with every cell once, however often it is killed on its way. */
import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Cells } from '../../src/benchmark/plan.js';
import { readRecords, readRun, writeRun } from '../../src/benchmark/record-file.js';
import { type AnswerRecord, type BenchRecord, recordsFile } from '../../src/benchmark/records.js';
import { runBenchmark } from '../../src/benchmark/run.js';
import { StubService, stubRun } from './stub-service.js';

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'steerd-benchmark-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function recordsOf(folder: string): Promise<BenchRecord[]> {
  const records: BenchRecord[] = [];
  for await (const record of readRecords(folder)) records.push(record);
  return records;
}

const answersIn = (records: readonly BenchRecord[]) =>
  records.filter((record): record is AnswerRecord => record.kind === 'answer');

/** Without what a clock says. */
const timeless = (records: readonly BenchRecord[]) =>
  records.map((record) => JSON.stringify({ ...record, seconds: 0 })).sort();

async function started(t: TestContext, service = new StubService()) {
  const folder = await folderOf(t);
  const run = await stubRun(service);
  await writeRun(folder, run);
  return { folder, run, service };
}

const work = (folder: string, run: Awaited<ReturnType<typeof stubRun>>, api: StubService) =>
  runBenchmark({ api, folder, run, inFlight: 8 });

test('strength 1 by a glance is asked for after each fit, and its share is on record without scores', async (t) => {
  const service = new StubService();
  const folder = await folderOf(t);
  const plan = await stubRun(service);
  const run = { ...plan, options: { ...plan.options, calibration: 'glance' as const } };
  await writeRun(folder, run);
  await work(folder, run, service);
  assert.equal(service.calibrations.size, 10);
  for (const body of service.calibrations.values()) {
    assert.equal(body.glance, true);
    assert.ok(run.concepts.some(({ prefix }) => prefix === body.prefix));
  }
  const fits = (await recordsOf(folder)).filter((record) => record.kind === 'fit');
  assert.equal(fits.length, 10);
  for (const { calibration } of fits)
    assert.deepEqual([calibration?.share, calibration?.scores], [0.013, null]);
});

test('every cell is answered once, every concept is fitted once in each way, and none is left behind', async (t) => {
  const { folder, run, service } = await started(t);
  await work(folder, run, service);
  const records = await recordsOf(folder);
  const { total } = new Cells(run);
  assert.equal(total, 5 * (2 + 2 * 3) * 5);
  assert.deepEqual(
    answersIn(records)
      .map(({ cell }) => cell)
      .sort((a, b) => a - b),
    Array.from({ length: total }, (_, i) => i),
  );
  assert.equal(service.fits.length, 10);
  assert.equal(records.filter(({ kind }) => kind === 'fit').length, 10);
  assert.equal(service.fitted.size, 0);
  assert.ok(service.mostAtOnce > 4 && service.mostAtOnce <= 10, `${service.mostAtOnce} at once`);
  assert.deepEqual(await readRun(folder), run);
});

test('a run that is killed anywhere goes on, repeats no finished cell, and ends as one that never was', async (t) => {
  const whole = await started(t);
  await work(whole.folder, whole.run, whole.service);
  const expected = timeless(await recordsOf(whole.folder));
  const asked = whole.service.answers.length;
  for (const breaksAt of [30, 150, 240]) {
    const { folder, run } = await started(t);
    const killed = new StubService(breaksAt);
    await assert.rejects(work(folder, run, killed), /killed/);
    const before = answersIn(await recordsOf(folder));
    // A kill may leave a part of a line.
    await appendFile(join(folder, recordsFile), '{"kind":"answer","cell":');
    const after = new StubService();
    await work(folder, run, after);
    assert.deepEqual(timeless(await recordsOf(folder)), expected, `killed at ${breaksAt}`);
    // One answer more is the head's look at the model, which only the first has asked.
    assert.equal(after.answers.length, asked - 1 - before.length, `killed at ${breaksAt}`);
  }
});

test('what the model says plainly is asked once for all concepts of a class, also by a run that goes on', async (t) => {
  const folder = await folderOf(t);
  const killed = new StubService(60);
  const run = await stubRun(killed, { each: 3 });
  await writeRun(folder, run);
  await assert.rejects(work(folder, run, killed), /killed/);
  const plainIn = async () => answersIn(await recordsOf(folder)).filter(({ way }) => way === 'plain');
  const before = new Set((await plainIn()).map((one) => `${one.class} ${one.prompt}`));
  const after = new StubService();
  await work(folder, run, after);
  const asked = after.answers.filter((one) => one.startsWith('plain|'));
  assert.ok(before.size > 0);
  assert.equal(asked.length, 5 * 5 - before.size);
  assert.equal(new Set(asked).size, asked.length);
  // Every concept has its records all the same.
  const all = await plainIn();
  assert.equal(all.length, 5 * 3 * 5);
  assert.ok(all.every(({ answer }) => answer === 'at 0, by plain'));
});

test('several services share the concepts out, and a fit is found where it was made', async (t) => {
  const folder = await folderOf(t);
  const [one, other] = [new StubService(), new StubService()];
  const run = await stubRun(one, { each: 2 });
  await writeRun(folder, run);
  const both = { api: one, others: [other], folder, run, inFlight: 8, keep: true };
  await runBenchmark(both);
  const fits = () => [one.fits.length, other.fits.length];
  const [a = 0, b = 0] = fits();
  assert.ok(a + b === 20 && a > 0 && b > 0, `${a} and ${b} fits`);
  const expected = timeless(await recordsOf(folder));
  const alone = await folderOf(t);
  await writeRun(alone, run);
  await work(alone, run, new StubService());
  assert.deepEqual(timeless(await recordsOf(alone)), expected);

  // Answers that a kill left out are asked where the concept is, and nothing is fitted again.
  const lines = (await readFile(join(folder, recordsFile), 'utf8')).trimEnd().split('\n');
  const kept = lines.filter((line) => !line.includes('"prompt":4') || !line.includes('"value":1.5'));
  await writeFile(join(folder, recordsFile), `${kept.join('\n')}\n`);
  assert.equal(lines.length - kept.length, 20);
  await runBenchmark(both);
  assert.deepEqual(fits(), [a, b]);
  assert.deepEqual(timeless(await recordsOf(folder)), expected);
});

test('a finished run asks for nothing', async (t) => {
  const { folder, run, service } = await started(t);
  const first = await work(folder, run, service);
  const again = new StubService(1);
  assert.deepEqual(await work(folder, run, again), first);
});

test('a fit that is impossible is recorded with its reason, and the others go on', async (t) => {
  const service = new StubService(undefined, ({ method }) => method === 'rfm');
  const { folder, run } = await started(t, service);
  const summary = await work(folder, run, service);
  assert.deepEqual([summary.fits.done, summary.fits.failed], [10, 5]);
  const records = await recordsOf(folder);
  const failed = records.filter((record) => record.kind === 'fit' && record.error === 'it cannot be');
  assert.equal(failed.length, 5);
  assert.equal(answersIn(records).length, 5 * (2 + 3) * 5);
  // Nor is it tried again.
  const again = new StubService(1);
  await work(folder, run, again);
  assert.equal(again.fits.length, 0);
});

test('a judge that fails ends the run; what it has marked is kept, and what is missing is marked later', async (t) => {
  let left = 12;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      if (left-- <= 0) response.writeHead(403).end('no more');
      else response.end(JSON.stringify({ choices: [{ message: { content: '{"score": 1}' } }] }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = await folderOf(t);
  const service = new StubService();
  const whole = await stubRun(service, { judge: { url, model: 'm', scores: ['success', 'fluency'] } });
  const run = { ...whole, concepts: whole.concepts.slice(0, 1) };
  await writeRun(folder, run);
  const judge = { url, model: 'm', atOnce: 4, timeLimit: 5000 };
  await assert.rejects(runBenchmark({ api: service, folder, run, judge, inFlight: 8 }), {
    code: 'judge_failed',
  });
  const marked = (records: readonly BenchRecord[]) =>
    records.flatMap((record) => (record.kind === 'judgement' ? [`${record.cell} ${record.score_name}`] : []));
  const before = marked(await recordsOf(folder));
  left = Number.POSITIVE_INFINITY;
  const after = new StubService();
  const summary = await runBenchmark({ api: after, folder, run, judge, inFlight: 8 });
  const all = marked(await recordsOf(folder));
  const { total } = new Cells(run);
  assert.deepEqual([all.length, new Set(all).size], [2 * total, 2 * total]);
  assert.ok(before.length > 0 && before.length <= 2 * 12);
  assert.equal(summary.judge_use.m?.judgements, 2 * total);
  assert.equal(answersIn(await recordsOf(folder)).length, total);
});
