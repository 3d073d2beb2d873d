/** Jobs of one server whose data directory keeps them: what a restart and a kill leave of them. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { JobJournal } from '../../src/jobs/job-journal.js';
import { journaledQueue } from '../../src/jobs/local-jobs.js';
import { type CountingTask, countingQueue, messagesOf, newJob, untilAborted } from './counting-jobs.js';

describe('jobs in a data directory', () => {
  let folder: string;
  let told: string[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'steerd-jobs-'));
    told = [];
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const open = async (
    work: (task: CountingTask) => Promise<object>,
    limits: Parameters<typeof countingQueue>[2] = {},
  ) => {
    const journal = await JobJournal.open(folder, { warn: (_, message) => told.push(message) });
    return countingQueue(journaledQueue(journal), work, limits);
  };
  const quick = async (task: CountingTask) => ({ result: task.request });

  test('a job that ended is told by the next process, with its events and without its request', async () => {
    const first = await open(quick);
    await first.add(newJob('fit-a'), 'a secret');
    assert.deepEqual(await messagesOf(first, 'fit-a'), ['queued', 'running', 'succeeded']);
    await first.close();
    assert.doesNotMatch(await readFile(join(folder, 'fit-a.json'), 'utf8'), /"request":"a secret"/);
    const second = await open(async () => assert.fail('it was done'));
    assert.equal((await second.get('fit-a'))?.result, 'a secret');
    assert.deepEqual(await messagesOf(second, 'fit-a'), ['queued', 'running', 'succeeded']);
    assert.equal(await (await second.events('fit-a'))?.isOver(3), true);
    await second.close();
  });

  test('stopping leaves the running job and those that wait to the next process, in their order', async () => {
    const first = await open((task) => {
      task.events.count(7);
      task.update({ progress: 7 });
      return untilAborted(task.signal);
    });
    for (const id of ['fit-a', 'fit-b', 'fit-c']) await first.add(newJob(id), `of ${id}`, { key: id });
    const followed = messagesOf(first, 'fit-a');
    await first.close();
    assert.deepEqual((await followed).slice(-2), ['7', 'queued']);
    assert.equal((await first.get('fit-a'))?.status, 'queued');

    const order: string[] = [];
    const second = await open(async (task) => {
      order.push(task.job.id);
      assert.equal(task.job.progress, null);
      return { result: task.request };
    });
    assert.deepEqual(
      (await second.add(newJob('fit-d'), 'another', { key: 'fit-c' })).job.id,
      'fit-c',
      'its key is known',
    );
    for (const id of ['fit-a', 'fit-b', 'fit-c']) {
      assert.equal((await messagesOf(second, id)).at(-1), 'succeeded');
      assert.equal((await second.get(id))?.result, `of ${id}`);
    }
    assert.deepEqual(order, ['fit-a', 'fit-b', 'fit-c']);
    assert.deepEqual(await messagesOf(second, 'fit-a'), [
      'queued',
      'running',
      '7',
      'queued',
      'running',
      'succeeded',
    ]);
    await second.close();
    assert.deepEqual(told, []);
  });

  test('a job whose processes are killed is begun three times, and then has failed', async () => {
    for (let life = 1; life <= 3; life++) {
      // Never closed: what the file says is what a killed process leaves.
      let begun = () => {};
      const running = new Promise<void>((resolve) => {
        begun = resolve;
      });
      const queue = await open(() => {
        begun();
        return new Promise<never>(() => {});
      });
      if (life === 1) await queue.add(newJob('fit-a'), 'a');
      await running;
      while (!(await readFile(join(folder, 'fit-a.json'), 'utf8')).includes(`"losses":${life - 1}`));
      while (!(await readFile(join(folder, 'fit-a.json'), 'utf8')).includes('"status":"running"'));
    }
    const last = await open(async () => assert.fail('begun a fourth time'));
    const job = await last.get('fit-a');
    assert.deepEqual([job?.status, job?.error?.code], ['failed', 'worker_lost']);
    assert.match(job?.error?.message ?? '', /3 times/);
    await last.close();
    const after = await open(async () => assert.fail('it has failed'));
    assert.equal((await after.get('fit-a'))?.status, 'failed');
    await after.close();
  });

  test('a cancelled job stays cancelled; forgotten ones leave no file; a file that is no job is left alone', async () => {
    await writeFile(join(folder, 'fit-broken.json'), '{"half');
    const first = await open(quick, { maxFinished: 1 });
    assert.deepEqual(told, ['job file not read']);
    for (const id of ['fit-a', 'fit-b']) {
      await first.add(newJob(id), id);
      await messagesOf(first, id);
    }
    await first.close();
    assert.deepEqual((await readdir(folder)).sort(), ['fit-b.json', 'fit-broken.json']);
    const second = await open((task) => untilAborted(task.signal));
    await second.add(newJob('fit-c'), 'c');
    assert.equal((await second.cancel('fit-c')).status, 'cancelled');
    await second.close();
    const third = await open(async () => assert.fail('cancelled'));
    assert.equal((await third.get('fit-c'))?.status, 'cancelled');
    await third.close();
  });
});
