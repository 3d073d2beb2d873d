/** What the holder of a job writes, over a database that is as slow, or as deaf, as a test wants. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Task } from '../../src/common/job-task.js';
import type { Database } from '../../src/database/database.js';
import { errors } from '../../src/errors.js';
import { HeldJob } from '../../src/jobs/held-job.js';
import { CountingLog, newJob } from './counting-jobs.js';

/** The rows of one job, as the statements of job-rows.ts make them. */
class OneJob {
  readonly events = new Set<number>();
  finished = false;
  /** Whether the row is another holder's. */
  taken = false;
  /** Of a transaction: whether its answer gets lost after it was done. */
  losesAnswer = false;
  transactions = 0;
  gate: Promise<void> = Promise.resolve();

  readonly database = {
    query: async () => (this.taken || this.finished ? [] : [{ cancelling: false }]),
    transaction: async (run: (queries: Pick<Database, 'query'>) => Promise<unknown>) => {
      this.transactions++;
      await this.gate;
      const result = await run({ query: this.query } as unknown as Pick<Database, 'query'>);
      if (!this.losesAnswer) return result;
      this.losesAnswer = false;
      throw errors.databaseUnavailable();
    },
  } as unknown as Database;

  readonly query = async (sql: string, values: readonly unknown[] = []): Promise<object[]> => {
    if (sql.startsWith('UPDATE')) {
      if (this.taken || this.finished) return [];
      this.finished = values[5] === true;
      return [{ cancelling: false, kind: 'fit' }];
    }
    if (sql.startsWith('SELECT cancelling'))
      return this.finished && !this.taken ? [{ cancelling: false }] : [];
    if (sql.startsWith('DELETE')) for (const id of values[1] as number[]) this.events.delete(id);
    else if (sql.startsWith('INSERT')) for (const id of values[1] as number[]) this.events.add(id);
    return [];
  };
}

function held(row: OneJob) {
  const task = new Task(newJob('fit-1'), 'r', new CountingLog());
  const fence = { id: 'fit-1', holder: 'me', attempt: 1 };
  const job = new HeldJob(row.database, fence, task, { warn() {} }, 60_000);
  const end = async () => {
    task.enter({ status: 'succeeded', finished_at: 1 });
    return job.end(new AbortController().signal);
  };
  return { task, job, end };
}

test('an event that is replaced while it is being written does not stay', async () => {
  const row = new OneJob();
  const { task, end } = held(row);
  let open = () => {};
  row.gate = new Promise((resolve) => {
    open = resolve;
  });
  task.events.count(1);
  while (row.transactions === 0) await turn();
  task.events.count(2);
  open();
  assert.equal(await end(), true);
  assert.deepEqual([...row.events], [2, 3], 'the last progress, and the end');
});

test('an end whose answer was lost on the way is written; one of a job that another has is not', async () => {
  for (const taken of [false, true]) {
    const row = new OneJob();
    row.taken = taken;
    row.losesAnswer = true;
    const { task, end } = held(row);
    assert.equal(await end(), !taken);
    assert.equal(task.stopped, taken ? 'lost' : null);
  }
});

test('a job that another has is not confirmed', async () => {
  const row = new OneJob();
  const { job, task, end } = held(row);
  await job.confirm();
  row.taken = true;
  await assert.rejects(job.confirm(), (error) => error === task.signal.reason);
  assert.equal(task.stopped, 'lost');
  assert.equal(await end(), false);
});
