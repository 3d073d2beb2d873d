import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Concept } from '../../src/concepts/concept.js';
import { errors, SteerdError } from '../../src/errors.js';
import { FitJobs } from '../../src/fitting/fit-jobs.js';
import { FitJob } from '../../src/schemas/fit-jobs.js';
import { FitRequest } from '../../src/schemas/fits.js';
import { atOnce, type FitsAtOnce } from '../helpers/jobs-at-once.js';
import { type FakeOptions, fakeModel, concept as prefix } from './fake-model.js';
import { syntheticModel } from './recipes/synthetic-model.js';
import { steerableModel, zorbs } from './steerable-model.js';

const request = (part: object = {}) =>
  FitRequest.parse({ name: 'sea', prefix, recipe: 'responses', calibrate: false, max_tokens: 4, ...part });

function setup(options: FakeOptions = {}, maxFinished?: number) {
  const model = fakeModel(options);
  const stored: Concept[] = [];
  const store = { put: async (concept: Concept): Promise<unknown> => stored.push(concept) };
  const jobs = atOnce(
    new FitJobs({
      models: {
        get(id = model.id) {
          if (id !== model.id) throw errors.modelNotFound(id, [model.id]);
          return model;
        },
      },
      concepts: { put: (concept) => store.put(concept) },
      ...(maxFinished === undefined ? {} : { maxFinished }),
    }),
  );
  return { model, stored, store, jobs };
}

async function until(condition: () => boolean): Promise<void> {
  // A fit starts threads: what it takes is told by a clock, not by turns of this one.
  for (const end = Date.now() + 30_000; !condition() && Date.now() < end; ) await nextTurn();
  assert.ok(condition(), 'it did not happen');
}

/** Ids of jobs, in the order of their names. */
async function createAll(jobs: FitsAtOnce, names: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const name of names) ids.push((await jobs.create(request({ name }))).id);
  return ids;
}

const status = (jobs: FitsAtOnce, id: string) => jobs.get(id)?.status;
const code = (wanted: string) => (error: unknown) => error instanceof SteerdError && error.code === wanted;

test('a job succeeds when its concept is stored, not before', async () => {
  const { jobs, store, stored, model } = setup();
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  store.put = async (concept) => {
    await gate;
    stored.push(concept);
  };
  const created = await jobs.create(request());
  assert.match(created.id, /^fit-[0-9a-f]{24}$/);
  assert.equal(created.model, 'fake');
  const seen = new Set<string>();
  await until(() => {
    const progress = jobs.get(created.id)?.progress;
    if (progress) seen.add(progress.stage);
    return progress?.stage === 'store';
  });
  assert.deepEqual([...seen].slice(0, 2), ['answer', 'capture']);
  assert.equal(status(jobs, created.id), 'running');
  release();
  await until(() => status(jobs, created.id) === 'succeeded');
  const job = FitJob.parse(jobs.get(created.id));
  assert.deepEqual(job.concept, { name: 'sea', version: stored[0]?.version });
  assert.ok(job.started_at !== null && job.finished_at !== null && job.finished_at >= job.created_at);
  assert.equal(job.error, null);
  assert.equal(model.engine.running, 0);
});

test('what a fit left out or doubted is told by the job, as it is kept with the concept', async () => {
  const model = syntheticModel({ sinks: (position) => position === 0 });
  const stored: Concept[] = [];
  const jobs = atOnce(
    new FitJobs({
      models: { get: () => model },
      concepts: { put: async (concept) => stored.push(concept) },
    }),
  );
  const body = {
    recipe: 'examples',
    prefix: undefined,
    examples: { positive: ['joy', 'mirth'], negative: ['x', 'no'] },
  };
  const { id, warnings } = await jobs.create(request(body));
  assert.deepEqual(warnings, []);
  await until(() => jobs.get(id)?.finished_at !== null);
  const job = FitJob.parse(jobs.get(id));
  assert.equal(job.status, 'succeeded', job.error?.message);
  assert.equal(job.warnings.length, 1);
  assert.match(job.warnings[0] ?? '', /1 text \(examples\.negative\[0\]\)/);
  assert.deepEqual(stored[0]?.record.details.warnings, job.warnings);
});

test('where no recipe is named the job says auto until it is known which one is best', async () => {
  const model = steerableModel({ shows: { answer: 0.98 } });
  const stored: Concept[] = [];
  const timed = new Set<string>();
  const jobs = atOnce(
    new FitJobs({
      models: { get: () => model },
      concepts: { put: async (concept) => stored.push(concept) },
      onStage: (stage) => timed.add(stage),
    }),
  );
  const body = { prefix: zorbs, recipe: undefined, texts: 16, calibrate: true };
  const { id, recipe, method } = await jobs.create(request(body));
  assert.deepEqual([recipe, method], ['auto', 'auto']);
  const named = await jobs.create(request({ prefix: zorbs, recipe: 'responses', method: 'auto' }));
  assert.deepEqual([named.recipe, named.method], ['responses', 'mean_difference'], 'nothing to choose by');
  const stages: string[] = [];
  for await (const events of jobs.events(id)?.read(new AbortController().signal, { pace: 0 }) ?? [])
    for (const { type, data } of events) if (type === 'progress') stages.push(data.stage);
  const job = FitJob.parse(jobs.get(id));
  assert.equal(job.status, 'succeeded', job.error?.message);
  assert.deepEqual([job.recipe, job.method], ['responses', 'mean_difference']);
  assert.deepEqual([job.recipe, job.method], [stored[0]?.record.recipe, stored[0]?.record.method]);
  assert.deepEqual(
    job.layers.map(({ layer }) => layer),
    [1, 2, 3],
  );
  for (const stage of ['texts: write', 'responses: calibrate: judge', 'calibrate: side effects', 'store'])
    assert.ok(stages.includes(stage), stage);
  // Times are kept by stage, whichever candidate it is of.
  for (const stage of ['write', 'select', 'calibrate: judge', 'store']) assert.ok(timed.has(stage), stage);
  assert.ok([...timed].every((stage) => !/attention|responses|texts/.test(stage)));

  const { id: other } = await jobs.create(request({ ...body, name: 'other' }));
  await until(() => jobs.get(other)?.progress?.stage === 'attention, contrast others: capture');
  const started = performance.now();
  assert.equal((await jobs.cancel(other)).status, 'cancelled');
  assert.ok(performance.now() - started < 1000);
  assert.equal(model.engine.running, 0);
  await jobs.close();
});

test('one runs at a time, in order; a queued one can be cancelled', async () => {
  const { jobs, stored } = setup();
  const [a, b, c] = (await createAll(jobs, ['a', 'b', 'c'])) as [string, string, string];
  assert.deepEqual(
    jobs.list().map((job) => [job.name, job.status]),
    [
      ['c', 'queued'],
      ['b', 'queued'],
      ['a', 'running'],
    ],
  );
  assert.equal((await jobs.cancel(b)).status, 'cancelled');
  await until(() => {
    assert.ok(jobs.list().filter((job) => job.status === 'running').length <= 1);
    return status(jobs, c) === 'succeeded';
  });
  assert.equal(status(jobs, a), 'succeeded');
  assert.equal(status(jobs, b), 'cancelled');
  assert.deepEqual(
    stored.map(({ name }) => name),
    ['a', 'c'],
  );
});

test('cancelling a running job stops its work, leaves no concept, and the next one starts', async () => {
  const { jobs, stored, model } = setup();
  const first = await jobs.create(request());
  const second = await jobs.create(request({ name: 'next' }));
  await until(() => model.engine.running > 0);
  const job = await jobs.cancel(first.id);
  assert.equal(job.status, 'cancelled');
  assert.equal(job.concept, null);
  await until(() => status(jobs, second.id) === 'succeeded');
  assert.deepEqual(
    stored.map(({ name }) => name),
    ['next'],
  );
  assert.equal((await jobs.cancel(first.id)).status, 'cancelled');
  await assert.rejects(jobs.cancel(second.id), code('fit_finished'));
  await assert.rejects(jobs.cancel('fit-none'), code('fit_not_found'));
});

test('a failed fit keeps code and message and leaves no concept', async () => {
  const { jobs, stored } = setup({ answerLength: () => 0 });
  const failed = await jobs.create(request());
  await until(() => status(jobs, failed.id) === 'failed');
  assert.equal(jobs.get(failed.id)?.error?.code, 'fit_impossible');
  assert.match(jobs.get(failed.id)?.error?.message ?? '', /0 answers/);
  assert.deepEqual(stored, []);

  const other = setup();
  other.store.put = async () => {
    throw new Error('disk on fire');
  };
  const unstored = await other.jobs.create(request());
  await until(() => status(other.jobs, unstored.id) === 'failed');
  assert.deepEqual(other.jobs.get(unstored.id)?.error, {
    code: 'internal_error',
    message: 'it failed inside the server, whose log says why',
  });
});

test('what cannot work is refused at once', async () => {
  const { jobs } = setup({ capacity: 100 });
  await assert.rejects(jobs.create(request({ model: 'other' })), code('model_not_found'));
  const examples = { positive: ['a', 'b'], negative: ['c', 'd'] };
  const soft = request({ recipe: 'examples', examples, labels: 'soft' });
  await assert.rejects(jobs.create(soft), code('invalid_value'));
  await assert.rejects(jobs.create(request({ layers: [9] })), code('invalid_value'));
  await assert.rejects(jobs.create(request({ prefix: 'x'.repeat(97) })), code('context_length_exceeded'));
  assert.deepEqual(jobs.list(), []);
});

test('the queue and the memory of finished jobs are bounded', async () => {
  const { jobs } = setup({}, 2);
  const ids = await createAll(jobs, new Array<string>(65).fill('sea'));
  await assert.rejects(
    jobs.create(request()),
    (error) => error instanceof SteerdError && error.status === 429 && (error.retryAfterSeconds ?? 0) > 0,
  );
  for (const id of ids.slice(1, 5)) await jobs.cancel(id);
  assert.equal(jobs.list().filter((job) => job.status === 'cancelled').length, 2);
  assert.equal(jobs.get(ids[1] as string), undefined);
  await jobs.close();
});

test('close cancels everything, waits, and refuses more', async () => {
  const { jobs, model, stored } = setup();
  const ids = await createAll(jobs, ['a', 'b']);
  await until(() => model.engine.running > 0);
  await jobs.close();
  assert.equal(model.engine.running, 0);
  assert.deepEqual(
    ids.map((id) => status(jobs, id)),
    ['cancelled', 'cancelled'],
  );
  assert.deepEqual(stored, []);
  await assert.rejects(jobs.create(request()), code('model_unavailable'));
});
