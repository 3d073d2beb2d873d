/** Jobs in PostgreSQL, with several processes' worth of queues on it: who takes them, who tells of them, and what is lost (nothing). */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '../../src/database/database.js';
import { openDatabase } from '../../src/database/open-database.js';
import { errors, SteerdError } from '../../src/errors.js';
import { JobNotices } from '../../src/jobs/job-notices.js';
import { sharedQueue } from '../../src/jobs/shared-jobs.js';
import { noPostgres, startPostgres, type TestPostgres } from '../helpers/postgres.js';
import { type CountingTask, countingQueue, messagesOf, newJob, untilAborted } from './counting-jobs.js';

/** What was said of jobs that could not be taken: nothing, unless a test takes the database away. */
const untaken: string[] = [];
const log = {
  info() {},
  warn(details: object, message: string) {
    if (message === 'no job taken') untaken.push(String((details as { reason?: string }).reason));
  },
  error() {},
};
const code = (wanted: string) => (error: unknown) => error instanceof SteerdError && error.code === wanted;

describe('jobs in a database', { skip: noPostgres, timeout: 120_000 }, () => {
  let postgres: TestPostgres;
  let url: string;
  const ends: (() => Promise<void>)[] = [];
  before(async () => {
    postgres = await startPostgres();
    url = await postgres.createDatabase();
  });
  after(async () => {
    await postgres.stop();
  });

  /** A process: its own connections, and what cuts them. */
  async function replica(
    holder: string,
    work: ((task: CountingTask) => Promise<object>) | null,
    limits: Parameters<typeof countingQueue>[2] & {
      readonly models?: string[];
      readonly database?: string;
      readonly takes?: 'once asked';
    } = {},
  ) {
    const { models = ['tiny'], database: ownUrl = url, takes = work !== null, ...queueLimits } = limits;
    const database = await openDatabase(ownUrl, log, { pollMilliseconds: 200, connections: 3 });
    let cut = false;
    const guarded: Database = {
      ...database,
      pool: database.pool,
      listening: true,
      query: (sql, values) =>
        cut ? Promise.reject(errors.databaseUnavailable()) : database.query(sql, values),
      transaction: (run) => (cut ? Promise.reject(errors.databaseUnavailable()) : database.transaction(run)),
    };
    const notices = new JobNotices(guarded);
    const sharing = {
      database: guarded,
      notices,
      holder,
      takes,
      models: () => models,
      log,
      voidSeconds: 1,
    };
    const queue = countingQueue(sharedQueue(sharing), work ?? (async () => ({})), queueLimits);
    const close = async () => {
      cut = false;
      await queue.close();
      notices.close();
      await database.close();
    };
    ends.push(close);
    return {
      queue,
      close,
      /** It hears and writes nothing more, and does not know it. */
      cut: () => {
        cut = true;
      },
      heal: () => {
        cut = false;
      },
    };
  }
  const closeAll = async () => {
    const reasons = new Set(untaken.splice(0));
    reasons.delete(errors.databaseUnavailable().message);
    assert.deepEqual([...reasons], []);
    for (const end of ends.splice(0)) await end();
  };

  test('each of many jobs is done once, by whoever is free, and every process tells the same of it', async () => {
    const done: string[] = [];
    const holders = new Set<string>();
    const working = (holder: string) => async (task: CountingTask) => {
      for (let step = 1; step <= 3; step++) task.events.count(step);
      await pause(20);
      done.push(task.job.id);
      holders.add(holder);
      return { result: `${task.request}!` };
    };
    const [a, b, front] = [
      await replica('a', working('a')),
      await replica('b', working('b')),
      await replica('front', null),
    ];
    const ids = Array.from({ length: 12 }, (_, at) => `fit-${at}`);
    for (const id of ids) await front.queue.add(newJob(id), `of ${id}`);
    assert.deepEqual(
      (await b.queue.list()).map(({ id }) => id),
      [...ids].reverse(),
    );
    for (const id of ids) {
      const here = await messagesOf(front.queue, id);
      assert.deepEqual(here, ['queued', 'running', '3', 'succeeded'], id);
      assert.deepEqual(await messagesOf(a.queue, id, 2), here.slice(2), 'goes on after the last one known');
      assert.equal((await b.queue.get(id))?.result, `of ${id}!`);
      assert.equal(await (await b.queue.events(id))?.isOver(99), true);
    }
    assert.deepEqual([...done].sort(), [...ids].sort());
    assert.equal(holders.size, 2, 'both worked');
    const counts = await Promise.all(
      [a, b, front].map(async ({ queue }) => (await queue.counts()).own.succeeded ?? 0),
    );
    assert.equal(
      counts.reduce((sum, count) => sum + count),
      12,
      'counts of replicas sum up',
    );
    await closeAll();
  });

  test('a holder that falls silent loses its job to another; what it then says is not heard', async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const begun: string[] = [];
    const lost = await replica('lost', async (task) => {
      begun.push('lost');
      await gate;
      await task.confirm().then(
        () => begun.push('stored by the lost one'),
        () => {},
      );
      return { result: 'of the lost one' };
    });
    await lost.queue.add(newJob('fit-silent'), 'r');
    while (begun.length === 0) await pause(10);
    lost.cut();
    const other = await replica('other', async (task) => {
      begun.push('other');
      await task.confirm();
      return { result: 'of the other one' };
    });
    assert.equal((await messagesOf(other.queue, 'fit-silent')).at(-1), 'succeeded');
    assert.deepEqual(begun, ['lost', 'other']);
    lost.heal();
    release();
    await pause(400);
    assert.deepEqual(begun, ['lost', 'other'], 'whoever lost it does nothing that cannot be taken back');
    const job = await other.queue.get('fit-silent');
    assert.equal(job?.result, 'of the other one');
    const messages = await messagesOf(other.queue, 'fit-silent');
    assert.equal(messages.filter((message) => message === 'succeeded').length, 1, 'it ended once');
    await closeAll();
  });

  test('any process cancels: what waits at once, what runs elsewhere when its work has stopped', async () => {
    let stopped = false;
    const worker = await replica('worker', (task) =>
      untilAborted(task.signal).finally(() => {
        stopped = true;
      }),
    );
    const front = await replica('front', null);
    await front.queue.add(newJob('fit-runs'), 'r');
    await front.queue.add(newJob('fit-waits'), 'w');
    while ((await front.queue.get('fit-runs'))?.status !== 'running') await pause(10);
    assert.equal((await front.queue.cancel('fit-waits')).status, 'cancelled');
    const cancelled = await front.queue.cancel('fit-runs');
    assert.deepEqual([cancelled.status, stopped], ['cancelled', true]);
    assert.equal((await front.queue.cancel('fit-runs')).status, 'cancelled');
    await assert.rejects(front.queue.cancel('fit-none'), code('fit_not_found'));
    assert.equal((await worker.queue.get('fit-waits'))?.status, 'cancelled');
    await closeAll();
  });

  test('a process that stops leaves its job to another; only one with its model takes it', async () => {
    const first = await replica('first', (task) => untilAborted(task.signal));
    await first.queue.add(newJob('fit-moves'), 'r', { model: 'tiny' });
    while ((await first.queue.get('fit-moves'))?.status !== 'running') await pause(10);
    const strange = await replica('strange', async () => assert.fail('it has not the model'), {
      models: ['huge'],
    });
    await first.close();
    await pause(300);
    assert.equal((await strange.queue.get('fit-moves'))?.status, 'queued');
    const second = await replica('second', async () => ({ result: 'here' }));
    assert.deepEqual((await messagesOf(second.queue, 'fit-moves')).slice(-2), ['running', 'succeeded']);
    ends.splice(0, 1);
    await closeAll();
  });

  test('limits, keys and forgetting hold for all processes together', async () => {
    const own = { database: await postgres.createDatabase() };
    const [a, b] = [
      await replica('a', null, { ...own, maxQueued: 2 }),
      await replica('b', null, { ...own, maxQueued: 2 }),
    ];
    const [one, two] = await Promise.all([
      a.queue.add(newJob('fit-1'), 'first', { key: 'name' }),
      b.queue.add(newJob('fit-2'), 'second', { key: 'name' }),
    ]);
    assert.equal(one.job.id, two.job.id, 'of two with one key at once, one is added');
    assert.deepEqual([one.added, two.added].sort(), [false, true]);
    await a.queue.add(newJob('fit-3'), 'x');
    await assert.rejects(async () => b.queue.add(newJob('fit-4'), 'x'), code('queue_full'));
    const worker = await replica('worker', async () => ({}), { ...own, maxFinished: 1 });
    for (const id of [one.job.id, 'fit-3']) await messagesOf(a.queue, id);
    while ((await a.queue.list()).length > 1) await pause(20);
    assert.deepEqual(
      (await worker.queue.list()).map(({ id }) => id),
      ['fit-3'],
    );
    await closeAll();
  });

  test('a database that is killed and comes back loses no job: the work goes on and ends once', async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let begun = 0;
    const worker = await replica('worker', async (task) => {
      begun++;
      await gate;
      task.events.count(1);
      return { result: 'kept' };
    });
    const front = await replica('front', null);
    await front.queue.add(newJob('fit-outage'), 'r');
    const followed = messagesOf(front.queue, 'fit-outage');
    while ((await front.queue.get('fit-outage'))?.status !== 'running') await pause(10);
    await postgres.kill();
    await assert.rejects(
      async () => front.queue.add(newJob('fit-refused'), 'r'),
      code('database_unavailable'),
    );
    release();
    await pause(500);
    await postgres.start();
    assert.equal((await followed).at(-1), 'succeeded');
    assert.equal((await worker.queue.get('fit-outage'))?.result, 'kept');
    assert.equal(begun, 1);
    assert.equal(await front.queue.get('fit-refused'), undefined);
    await closeAll();
  });

  test('a process that ends while the database is away ends, and its job is done when that is back', async () => {
    const own = { database: await postgres.createDatabase() };
    const first = await replica('first', (task) => untilAborted(task.signal), own);
    await first.queue.add(newJob('fit-left'), 'r');
    while ((await first.queue.get('fit-left'))?.status !== 'running') await pause(10);
    await postgres.kill();
    const since = performance.now();
    await first.queue.close();
    assert.ok(performance.now() - since < 20_000, 'it did not wait for the database');
    await postgres.start();
    const second = await replica('second', async () => ({ result: 'here' }), own);
    assert.equal((await messagesOf(second.queue, 'fit-left')).at(-1), 'succeeded');
    await closeAll();
  });

  test('a command takes jobs only once it has asked for one', async () => {
    const own = { database: await postgres.createDatabase() };
    const front = await replica('front', null, own);
    const command = await replica('command', async () => ({ result: 'here' }), {
      ...own,
      takes: 'once asked',
    });
    await front.queue.add(newJob('fit-others'), 'r');
    await pause(500);
    assert.equal((await front.queue.get('fit-others'))?.status, 'queued');
    await command.queue.add(newJob('fit-own'), 'r');
    assert.equal((await messagesOf(front.queue, 'fit-own')).at(-1), 'succeeded');
    await closeAll();
  });
});
