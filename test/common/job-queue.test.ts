/** The laws of the queue of jobs: work here is a promise that the test settles. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { JobQueue, type JobQueueOptions } from '../../src/common/job-queue.js';
import type { QueueJob, Task } from '../../src/common/job-task.js';
import { errors, SteerdError } from '../../src/errors.js';

interface Job extends QueueJob {
  readonly result: string | null;
}

interface Statuses {
  readonly seen: string[];
  status(job: Job): void;
}

interface Work {
  readonly task: Task<Job, string, Statuses>;
  readonly succeed: (result: string) => void;
  readonly fail: (error: unknown) => void;
}

function setup(options: Partial<JobQueueOptions<Job, string, Statuses>> = {}) {
  /** What has begun, in order. */
  const works: Work[] = [];
  const ended: string[] = [];
  const unexpected: unknown[] = [];
  const jobs = new JobQueue<Job, string, Statuses>({
    maxQueued: 4,
    retryAfterSeconds: 5,
    notFound: errors.fitNotFound,
    finished: errors.fitFinished,
    onUnexpected: (_, error) => unexpected.push(error),
    onFinished: ({ id, status }) => ended.push(`${id} ${status}`),
    work: (task) =>
      new Promise((resolve, reject) => {
        works.push({ task, succeed: (result) => resolve({ result }), fail: reject });
      }),
    ...options,
  });
  const add = (id: string) => {
    const job: Job = {
      id,
      status: 'queued',
      started_at: null,
      finished_at: null,
      error: null,
      result: null,
    };
    const seen: string[] = [];
    const task = jobs.add(job, `request ${id}`, { seen, status: ({ status }) => seen.push(status) });
    return { job, task, seen };
  };
  const begun = () => works.map(({ task }) => task.job.id);
  return { jobs, works, ended, unexpected, add, begun };
}

const code = (wanted: string) => (error: unknown) => error instanceof SteerdError && error.code === wanted;

/** Whether a promise has settled after some turns. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  const note = () => {
    done = true;
  };
  void promise.then(note, note);
  for (let i = 0; i < 5; i++) await nextTurn();
  return done;
}

test('one runs at a time, in the order they came, and the next begins when it has ended', async () => {
  const { jobs, works, ended, add, begun } = setup();
  const a = add('a');
  for (const id of ['b', 'c']) add(id);
  await nextTurn();
  assert.deepEqual(begun(), ['a']);
  assert.equal(works[0]?.task.request, 'request a');
  works[0]?.succeed('first');
  await nextTurn();
  assert.deepEqual(begun(), ['a', 'b']);
  works[1]?.fail(errors.stopping());
  await nextTurn();
  works[2]?.succeed('third');
  await nextTurn();
  assert.deepEqual(ended, ['a succeeded', 'b failed', 'c succeeded']);
  assert.deepEqual(
    jobs.list().map(({ id, result }) => [id, result]),
    [
      ['c', 'third'],
      ['b', null],
      ['a', 'first'],
    ],
  );
  assert.deepEqual(a.seen, ['queued', 'running', 'succeeded']);
  assert.deepEqual(jobs.unfinished, []);
});

test('why a job failed is told without the paths of this machine, as replies tell it', async () => {
  const { jobs, works, add } = setup();
  add('a');
  await nextTurn();
  works[0]?.fail(errors.storageFailed('storing', "EROFS: open '/srv/data/concepts/one.tmp'", false));
  await nextTurn();
  const { message = '' } = jobs.get('a')?.error ?? {};
  assert.match(message, /EROFS: open '\.\.\.\/one\.tmp'/);
});

test('a job is a value: what somebody holds does not change', async () => {
  const { jobs, works, add } = setup();
  const { job } = add('a');
  const running = jobs.get('a');
  await nextTurn();
  works[0]?.task.update({ result: 'half' });
  assert.equal(jobs.get('a')?.result, 'half');
  works[0]?.succeed('whole');
  await nextTurn();
  assert.deepEqual([job.status, job.started_at], ['queued', null]);
  assert.deepEqual([running?.status, running?.result, running?.finished_at], ['running', null, null]);
  assert.deepEqual([jobs.get('a')?.status, jobs.get('a')?.result], ['succeeded', 'whole']);
});

test('a queued job that is cancelled never begins; cancelling it again changes nothing', async () => {
  const { jobs, works, add, begun } = setup();
  add('a');
  const b = add('b');
  add('c');
  const cancelled = await jobs.cancel('b');
  assert.equal(cancelled.status, 'cancelled');
  assert.ok(cancelled.finished_at !== null && cancelled.started_at === null);
  assert.equal(await jobs.cancel('b'), cancelled);
  await nextTurn();
  works[0]?.succeed('');
  await nextTurn();
  assert.deepEqual(begun(), ['a', 'c']);
  assert.deepEqual(b.seen, ['queued', 'cancelled']);
});

test('cancelling what runs resolves when its work has stopped, not before, and the next begins', async () => {
  const { jobs, works, add, begun } = setup();
  const { task } = add('a');
  add('b');
  await nextTurn();
  const cancelled = jobs.cancel('a');
  assert.ok(task.signal.aborted);
  assert.equal(await settled(cancelled), false);
  assert.deepEqual(begun(), ['a']);
  works[0]?.fail(task.signal.reason);
  assert.equal((await cancelled).status, 'cancelled');
  await nextTurn();
  assert.deepEqual(begun(), ['a', 'b']);
});

test('work that is cancelled before it began is not begun', async () => {
  const { jobs, add, begun } = setup();
  const { task } = add('a');
  assert.equal(task.job.status, 'running');
  assert.equal((await jobs.cancel('a')).status, 'cancelled');
  assert.deepEqual(begun(), []);
});

test('work that ends in the moment of its cancelling keeps its end; afterwards there is nothing to cancel', async () => {
  const { jobs, works, add, unexpected } = setup();
  for (const id of ['a', 'b']) add(id);
  await nextTurn();
  works[0]?.succeed('done');
  assert.equal((await jobs.cancel('a')).status, 'succeeded');
  await nextTurn();
  const broken = new Error('disk on fire');
  works[1]?.fail(broken);
  const failed = await jobs.cancel('b');
  assert.deepEqual(failed.error, {
    code: 'internal_error',
    message: 'it failed inside the server, whose log says why',
  });
  assert.deepEqual(unexpected, [broken]);
  await assert.rejects(jobs.cancel('a'), code('fit_finished'));
  await assert.rejects(jobs.cancel('b'), code('fit_finished'));
  await assert.rejects(jobs.cancel('none'), code('fit_not_found'));
});

test('failures that are known keep their code and are nothing unexpected', async () => {
  const { jobs, works, add, unexpected } = setup();
  add('a');
  await nextTurn();
  const error = errors.fitNotFound('x');
  works[0]?.fail(error);
  await nextTurn();
  assert.deepEqual(jobs.get('a')?.error, { code: 'fit_not_found', message: error.message });
  assert.deepEqual(unexpected, []);
});

test('a full queue takes no more, until one of them leaves it', async () => {
  const { jobs, add } = setup({ maxQueued: 2 });
  for (const id of ['runs', 'a', 'b']) add(id);
  assert.throws(() => add('c'), code('queue_full'));
  assert.equal(jobs.get('c'), undefined);
  await jobs.cancel('a');
  add('c');
  assert.deepEqual(
    jobs.unfinished.map(({ job }) => job.id),
    ['b', 'c', 'runs'],
  );
});

test('the oldest finished jobs are forgotten, those that are not finished never', async () => {
  const { jobs, works, add } = setup({ maxFinished: 2 });
  for (const id of ['runs', 'a', 'b', 'c', 'd']) add(id);
  for (const id of ['c', 'b', 'd']) await jobs.cancel(id);
  const ids = () => jobs.list().map(({ id }) => id);
  assert.deepEqual(ids(), ['d', 'c', 'a', 'runs']);
  assert.equal(jobs.events('b'), undefined);
  await nextTurn();
  works[0]?.succeed('');
  await nextTurn();
  // The first of all has finished last: it is the oldest nevertheless.
  assert.deepEqual(ids(), ['d', 'c', 'a']);
});

test('closing cancels everything and waits until no work is left', async () => {
  const { jobs, works, ended, add, begun } = setup();
  const { task } = add('a');
  for (const id of ['b', 'c']) add(id);
  await nextTurn();
  const closing = jobs.close();
  assert.ok(jobs.closed);
  assert.equal(await settled(closing), false);
  works[0]?.fail(task.signal.reason);
  await closing;
  assert.deepEqual(ended, ['b cancelled', 'c cancelled', 'a cancelled']);
  assert.deepEqual(begun(), ['a']);
});

test('what was asked is kept no longer than until the job has finished', async () => {
  const { jobs, works, add } = setup();
  const { task } = add('a');
  const waiting = add('b');
  await nextTurn();
  assert.equal(task.request, 'request a');
  assert.equal(waiting.task.request, 'request b');
  await jobs.cancel('b');
  assert.throws(() => waiting.task.request, /job b has finished/);
  works[0]?.succeed('done');
  await nextTurn();
  assert.equal(jobs.get('a')?.status, 'succeeded');
  assert.throws(() => task.request, /job a has finished/);
  assert.deepEqual(jobs.unfinished, []);
});
