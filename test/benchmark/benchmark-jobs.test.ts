/** Runs as jobs: what is finished stays, whatever ends the job, and is made no second time. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { BenchmarkJobs } from '../../src/benchmark/benchmark-jobs.js';
import { readRecords } from '../../src/benchmark/record-file.js';
import { FolderRuns } from '../../src/benchmark/run-keeping.js';
import { SteerdError } from '../../src/errors.js';
import { JobJournal } from '../../src/jobs/job-journal.js';
import { journaledQueue } from '../../src/jobs/local-jobs.js';
import { BenchmarkRequest, type BenchmarkRun } from '../../src/schemas/benchmarks.js';
import { HeldService } from './held-service.js';
import { StubService } from './stub-service.js';

const log = { info() {}, warn() {}, error() {} };
const code = (wanted: string) => (error: unknown) => error instanceof SteerdError && error.code === wanted;
const asked = (more: object = {}) =>
  BenchmarkRequest.parse({
    name: 'first',
    sample: 1,
    strengths: [0.5, 1, 1.5],
    calibration: 'none',
    ...more,
  });

async function place(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'steerd-benchmark-jobs-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A process with the data directory. */
async function started(folder: string, service: StubService): Promise<BenchmarkJobs> {
  const journal = await JobJournal.open(join(folder, 'jobs'), log);
  return new BenchmarkJobs({
    keeping: new FolderRuns(join(folder, 'benchmarks')),
    openApi: async () => ({
      where: null,
      json: (path, options) => service.json(path, options),
      async close() {},
    }),
    openQueue: journaledQueue(journal),
    log,
  });
}

async function ended(jobs: BenchmarkJobs, id = 'first'): Promise<BenchmarkRun> {
  for (;;) {
    const run = await jobs.get(id);
    if (run.job?.finished_at != null) return run;
    await pause(5);
  }
}

const cellsIn = async (folder: string) => {
  const cells: number[] = [];
  for await (const record of readRecords(join(folder, 'benchmarks', 'first')))
    if (record.kind === 'answer') cells.push(record.cell);
  return cells.sort((a, b) => a - b);
};
/** Five concepts: plain, told, and two methods at three strengths, of five prompts each. */
const total = 5 * (2 + 2 * 3) * 5;
const all = Array.from({ length: total }, (_, cell) => cell);

test('a run that is asked for is told before it begins, while it runs, and at its end', async (t) => {
  const folder = await place(t);
  const service = new HeldService(40);
  const jobs = await started(folder, service);
  const begun = await jobs.create(asked(), 'stub');
  assert.deepEqual([begun.id, begun.answers, begun.fits.total], ['first', { done: 0, total }, 10]);
  await service.stands();
  const running = await jobs.get('first');
  assert.deepEqual([running.state, running.job?.status], ['running', 'running']);
  assert.deepEqual(
    (await jobs.create(asked(), 'stub')).job?.id,
    begun.job?.id,
    'asked for twice it is one job',
  );
  await assert.rejects(jobs.create(asked({ parallel: 9 }), 'stub'), code('benchmark_running'));
  await assert.rejects(jobs.delete('first'), code('benchmark_running'));
  const cancelled = await jobs.cancel('first');
  assert.deepEqual([cancelled.state, cancelled.job?.status], ['stopped', 'cancelled']);
  assert.ok((await cellsIn(folder)).length < total);
  await assert.rejects(jobs.create(asked({ max_tokens: 9 }), 'stub'), code('invalid_value'));
  // The same request goes on.
  const after = new HeldService();
  const later = await started(folder, after);
  const before = (await cellsIn(folder)).length;
  await later.create(asked(), 'stub');
  const done = await ended(later);
  assert.deepEqual([done.state, done.job?.status, done.job?.error], ['done', 'succeeded', null]);
  assert.deepEqual(await cellsIn(folder), all);
  assert.equal(after.answers.length, 1 + total - before, 'one for the head, and what was missing');
  assert.deepEqual(
    (await later.list()).map(({ id }) => id),
    ['first'],
  );
  for await (const run of later.follow('first', AbortSignal.timeout(5000))) assert.deepEqual(run, done);
  await later.delete('first');
  assert.deepEqual(await later.list(), []);
  await later.close();
  await jobs.close();
});

test('a process that stops leaves its run to the next, which repeats nothing', async (t) => {
  const folder = await place(t);
  const service = new HeldService(90);
  const first = await started(folder, service);
  await first.create(asked(), 'stub');
  await service.stands();
  await first.close();
  const before = (await cellsIn(folder)).length;
  assert.ok(before > 0 && before < total);
  const after = new HeldService();
  const second = await started(folder, after);
  assert.equal((await ended(second)).state, 'done');
  assert.deepEqual(await cellsIn(folder), all);
  assert.equal(after.answers.length, 1 + total - before);
  await second.close();
});

test('what the service refuses ends the job with its words; runs of the command are told and not cancelled', async (t) => {
  const folder = await place(t);
  class Refusing extends HeldService {
    override async json<T>(): Promise<T> {
      throw Object.assign(new Error('there is no such model'), { status: 404, code: 'model_not_found' });
    }
  }
  const jobs = await started(folder, new Refusing());
  await jobs.create(asked(), 'stub');
  const failed = await ended(jobs);
  assert.deepEqual([failed.state, failed.job?.error?.code], ['stopped', 'benchmark_failed']);
  assert.match(failed.job?.error?.message ?? '', /there is no such model/);
  await assert.rejects(jobs.get('none'), code('benchmark_not_found'));
  const whole = new HeldService();
  const later = await started(folder, whole);
  await later.create(asked({ name: 'of the command' }), 'stub');
  await ended(later, 'of the command');
  const bare = new BenchmarkJobs({
    keeping: new FolderRuns(join(folder, 'benchmarks')),
    openApi: async () => assert.fail(),
  });
  assert.equal((await bare.get('of the command')).job, null);
  await assert.rejects(bare.cancel('of the command'), code('benchmark_no_job'));
  for (const one of [jobs, later, bare]) await one.close();
});

test('requests are held to what can be done', () => {
  for (const [field, value] of [
    ['name', '../up'],
    ['tokens', [0]],
    ['layers', [{ top: 0 }]],
    ['methods', []],
    ['concepts', [{ name: '' }]],
    ['seeds', 0],
  ] as const) {
    const { error } = BenchmarkRequest.safeParse({ [field]: value });
    assert.equal(error?.issues[0]?.path[0], field);
  }
});

test('too much, or a concept that nothing states, is refused before it is queued', async (t) => {
  const jobs = await started(await place(t), new StubService());
  for (const [field, more] of [
    [
      'methods',
      { profiles: ['separation', 'norm', 'uniform'], tokens: Array.from({ length: 32 }, (_, i) => -1 - i) },
    ],
    ['concepts.0.prefix', { concepts: [{ name: 'tea' }] }],
    [
      'concepts.1',
      {
        concepts: [
          { name: 'tea', prefix: 'Tea.' },
          { name: 'tea', prefix: 'Tea.' },
        ],
      },
    ],
    ['strengths', { strengths: [2] }],
    ['seeds', { seeds: 2, temperature: 0 }],
  ] as const)
    await assert.rejects(
      jobs.create(asked(more), 'stub'),
      (error: unknown) => error instanceof SteerdError && error.param === field,
      field,
    );
  assert.deepEqual(await jobs.list(), []);
  await jobs.close();
});
