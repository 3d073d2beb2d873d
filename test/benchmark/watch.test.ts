/** Runs as the API shows them: how far they are, what they show, their report, and nothing outside of the folder. */
import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { writeRun } from '../../src/benchmark/record-file.js';
import { summarise } from '../../src/benchmark/summary.js';
import { BenchmarkList, BenchmarkRun } from '../../src/schemas/benchmarks.js';
import { build } from '../helpers/app.js';
import { sampleRun } from './report/sample-run.js';

async function setup(t: TestContext) {
  const data = await mkdtemp(join(tmpdir(), 'steerd-watch-'));
  t.after(() => rm(data, { recursive: true, force: true }));
  const folder = join(data, 'benchmarks', 'first run');
  const { app } = await build(t, { settings: { dataDirectory: data } });
  const { run, records } = sampleRun();
  await writeRun(folder, run);
  const add = (from: number, to: number) =>
    appendFile(
      join(folder, 'records.jsonl'),
      records
        .slice(from, to)
        .map((record) => `${JSON.stringify(record)}\n`)
        .join(''),
    );
  const now = async () => BenchmarkRun.parse((await app.inject('/v1/benchmarks/first%20run')).json());
  /** A run that has grown is not read again at once. */
  const when = async (is: (run: BenchmarkRun) => boolean) => {
    for (;;) {
      const told = await now();
      if (is(told)) return told;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return { app, data, folder, run, records, add, now, when };
}

test('a run is told as it goes on, and its report is a page that runs no script', async (t) => {
  const { app, folder, run, records, add, now, when } = await setup(t);
  assert.deepEqual((await now()).answers, { done: 0, total: 150 });
  await writeFile(join(folder, '.lock'), 'x');
  await add(0, 100);
  const half = await when(({ answers }) => answers.done > 0);
  assert.equal(half.state, 'running');
  assert.equal(half.answers.done, records.slice(0, 100).filter(({ kind }) => kind === 'answer').length);
  await utimes(join(folder, '.lock'), 1, 1);
  assert.equal((await now()).state, 'stopped');
  await add(100, records.length);
  const whole = await when(({ state }) => state === 'done');
  // Twelve answers are missing, for one fit failed.
  assert.deepEqual(
    [whole.state, whole.answers, whole.fits],
    ['done', { done: 138, total: 138 }, { done: 10, total: 10, failed: 1 }],
  );
  assert.deepEqual(
    whole.success.filter(({ judge }) => judge === 'built-in').map(({ variant }) => variant),
    ['plain', 'told', ...run.variants.map(({ id }) => id)],
  );
  assert.ok(whole.success.every(({ mean, low, high }) => low <= mean && mean <= high));
  const { data } = BenchmarkList.parse((await app.inject('/v1/benchmarks')).json());
  assert.deepEqual(data, [whole]);
  const { figures } = await summarise(run, records);
  for (const { judge, variant, ...told } of whole.success) {
    const of = figures.find(
      (one) =>
        one.judge === judge && one.variant === variant && one.measure === 'success' && one.class === 'all',
    )?.fixed;
    assert.deepEqual(told, { mean: of?.mean, low: of?.low, high: of?.high, concepts: of?.n });
  }
  const events = await app.inject('/v1/benchmarks/first%20run/events');
  assert.deepEqual(JSON.parse(/^data: (.*)$/m.exec(events.body)?.[1] ?? ''), whole);
  const report = await app.inject('/v1/benchmarks/first%20run/report');
  assert.match(String(report.headers['content-type']), /^text\/html/);
  assert.match(String(report.headers['content-security-policy']), /^default-src 'none'/);
  assert.match(report.body, /Steering benchmark of tiny/);
});

test('what is no run is not found, and no name leads out of the folder', async (t) => {
  const { app, data } = await setup(t);
  await mkdir(join(data, 'benchmarks', 'empty'));
  await writeFile(join(data, 'run.json'), '{}');
  for (const id of ['none', 'empty', '..', '..%2F..', '%2e%2e', 'first%20run%2F..', '.lock']) {
    for (const part of ['', '/report', '/events']) {
      const { statusCode } = await app.inject(`/v1/benchmarks/${id}${part}`);
      assert.equal(statusCode, 404, `${id}${part}`);
    }
  }
  assert.equal(BenchmarkList.parse((await app.inject('/v1/benchmarks')).json()).data.length, 1);
});
