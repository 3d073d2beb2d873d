/** Runs in PostgreSQL: whoever goes on with one finds what others finished, and no cell is there twice. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { BenchmarkJobs } from '../../src/benchmark/benchmark-jobs.js';
import { DatabaseRuns } from '../../src/benchmark/database-runs.js';
import { readRecords } from '../../src/benchmark/record-file.js';
import { FolderRuns } from '../../src/benchmark/run-keeping.js';
import type { Database } from '../../src/database/database.js';
import { openDatabase } from '../../src/database/open-database.js';
import { errors } from '../../src/errors.js';
import { JobNotices } from '../../src/jobs/job-notices.js';
import { sharedQueue } from '../../src/jobs/shared-jobs.js';
import { BenchmarkRequest } from '../../src/schemas/benchmarks.js';
import { noPostgres, startPostgres, type TestPostgres } from '../helpers/postgres.js';
import { HeldService } from './held-service.js';

const log = { info() {}, warn() {}, error() {} };
const asked = BenchmarkRequest.parse({
  ...{ name: 'shared', sample: 1, strengths: [0.5, 1, 1.5], calibration: 'none' },
});
/** Five concepts: plain, told, and two methods at three strengths, of five prompts each. */
const total = 5 * (2 + 2 * 3) * 5;

describe('runs in a database', { skip: noPostgres, timeout: 120_000 }, () => {
  let postgres: TestPostgres;
  let folder: string;
  before(async () => {
    postgres = await startPostgres();
    folder = await mkdtemp(join(tmpdir(), 'steerd-database-runs-'));
  });
  after(async () => {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** A process: its connections, which can be cut, and its own data directory. */
  async function replica(url: string, name: string, service: HeldService | null) {
    const database = await openDatabase(url, log, { pollMilliseconds: 100, connections: 3 });
    let cut = false;
    const away = () => Promise.reject(errors.databaseUnavailable());
    const guarded: Database = {
      ...database,
      pool: database.pool,
      listening: true,
      query: (sql, values) => (cut ? away() : database.query(sql, values)),
      transaction: (run) => (cut ? away() : database.transaction(run)),
    };
    const notices = new JobNotices(guarded);
    const data = join(folder, name);
    const jobs = new BenchmarkJobs({
      keeping: new DatabaseRuns(guarded, join(data, 'shared'), new FolderRuns(join(data, 'benchmarks'))),
      openApi: async () => ({
        where: null,
        json: (path, options) => (service ?? new HeldService()).json(path, options),
        async close() {},
      }),
      openQueue: sharedQueue({
        ...{ database: guarded, notices, log, holder: name, takes: service !== null },
        models: () => ['stub'],
        voidSeconds: 1,
      }),
      log,
    });
    return {
      jobs,
      cut: () => {
        cut = true;
      },
      async close() {
        cut = false;
        await jobs.close();
        notices.close();
        await database.close();
      },
      left: () => readdir(join(data, 'shared')).catch(() => []),
    };
  }

  test('a worker that is gone in the middle: another goes on, every server tells it, no cell is made twice', async () => {
    const url = await postgres.createDatabase();
    const [stuck, able] = [new HeldService(100), new HeldService()];
    const front = await replica(url, 'front', null);
    const first = await replica(url, 'first', stuck);
    const begun = await front.jobs.create(asked, 'stub');
    assert.deepEqual([begun.answers.total, begun.job?.error], [total, null]);
    await stuck.stands();
    const running = await front.jobs.get('shared');
    assert.deepEqual([running.state, (await front.jobs.list()).length], ['running', 1]);
    first.cut();
    const second = await replica(url, 'second', able);
    const states: string[] = [];
    for await (const run of front.jobs.follow('shared', AbortSignal.timeout(60_000))) states.push(run.state);
    assert.equal(states.at(-1), 'done');
    const done = await second.jobs.get('shared');
    assert.deepEqual(await front.jobs.get('shared'), done);
    assert.deepEqual([done.answers, done.job?.status], [{ done: total, total }, 'succeeded']);
    const kept = await front.jobs.withFolder('shared', async (place) => {
      const cells: number[] = [];
      for await (const record of readRecords(place)) if (record.kind === 'answer') cells.push(record.cell);
      return cells.sort((a, b) => a - b);
    });
    assert.deepEqual(
      kept,
      Array.from({ length: total }, (_, cell) => cell),
    );
    assert.ok(able.answers.length < total, `${able.answers.length} of ${total} were left to the second`);
    await first.close();
    await front.jobs.delete('shared');
    await assert.rejects(second.jobs.get('shared'), { code: 'benchmark_not_found' });
    for (const one of [front, first, second]) assert.deepEqual(await one.left(), []);
    await front.close();
    await second.close();
  });

  test('any server cancels a run, and what is finished stays for the next request', async () => {
    const url = await postgres.createDatabase();
    const stuck = new HeldService(60);
    const [front, worker] = [await replica(url, 'asks', null), await replica(url, 'works', stuck)];
    await front.jobs.create(asked, 'stub');
    await stuck.stands();
    const cancelled = await front.jobs.cancel('shared');
    assert.deepEqual([cancelled.state, cancelled.job?.status], ['stopped', 'cancelled']);
    const { done } = cancelled.answers;
    assert.ok(done > 0 && done < total);
    await worker.close();
    const able = new HeldService();
    const next = await replica(url, 'goes on', able);
    await front.jobs.create(asked, 'stub');
    while ((await front.jobs.get('shared')).state !== 'done') await pause(50);
    assert.equal(able.answers.length, 1 + total - done, 'one for the head, and what was missing');
    await front.close();
    await next.close();
  });
});
