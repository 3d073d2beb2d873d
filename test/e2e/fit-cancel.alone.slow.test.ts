/** Cancelling a fit of the embedded model in each of its stages: within a second, and nothing of it is left. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ConceptStore } from '../../src/concepts/concept-store.js';
import { FitJobs } from '../../src/fitting/fit-jobs.js';
import { loadModel, type RunningModel } from '../../src/models/serve/load.js';
import { FitRequest } from '../../src/schemas/fits.js';
import { embeddedDirectory } from '../helpers/embedded-model.js';
import { atOnce, type FitsAtOnce } from '../helpers/jobs-at-once.js';
import { testCache } from '../helpers/test-cache.js';
import { temporaryData } from './running-server.js';

/** What the issue allows. */
const mostMilliseconds = 1000;

let model: RunningModel;
let store: ConceptStore;
let fits: FitsAtOnce;
let data: Awaited<ReturnType<typeof temporaryData>>;
before(async () => {
  data = await temporaryData();
  store = await ConceptStore.open({ dataDirectory: data.directory, shipped: [] });
  const settings = {
    threads: 0,
    slots: 4,
    context: 1024,
    prefillChunk: 64,
    queue: 4,
    cacheDirectory: testCache,
  };
  model = await loadModel('smollm2-135m-instruct', embeddedDirectory, settings);
  fits = atOnce(new FitJobs({ models: { get: () => model }, concepts: store }));
});
after(async () => {
  await fits.close();
  await model.engine.close();
  await data.clean();
});

const threads = () => process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort').length;

const sides = (count: number) => {
  const side = (what: string) => Array.from({ length: count }, (_, i) => `${what} number ${i} is good.`);
  return { positive: side('House'), negative: side('Street') };
};

/** recipe, stage, at which step of it, and how much there is to do */
const cases = [
  ['attention', 'select', 0, 20],
  ['attention', 'select', 3, 20],
  ['attention', 'capture', 0, 3],
  ['attention', 'capture', 4, 4],
  ['attention', 'direction', 0, 5],
  ['attention', 'direction', 2, 8],
  ['attention', 'store', 0, 2],
  ['responses', 'answer', 0, 8],
  ['responses', 'answer', 2, 8],
  ['responses', 'capture', 1, 2],
  ['examples', 'capture', 1, 10],
  ['examples', 'direction', 1, 4],
  ['examples', 'calibrate: answer plainly', 2, 2],
] as const;

for (const [recipe, stage, step, count] of cases)
  test(`${recipe}: cancelled in stage ${stage} at ${step}`, async () => {
    const before = threads();
    const { id } = await fits.create(
      FitRequest.parse({
        name: 'cancelled',
        recipe,
        method: 'rfm',
        max_tokens: 10,
        calibrate: stage.startsWith('calibrate'),
        ...(recipe === 'examples'
          ? { examples: sides(count) }
          : { prefix: 'You adore the sea.', statements: sides(count) }),
      }),
    );
    // Its events come in the turn they happen in: nothing is missed, as it would be by asking now and then.
    const reached = new AbortController();
    reading: for await (const events of fits.events(id)?.read(reached.signal, { pace: 0 }) ?? [])
      for (const { type, data } of events) {
        assert.notEqual(type === 'status' && data.status, 'failed', JSON.stringify(data));
        if (type === 'progress' && data.stage === stage && data.done >= step) break reading;
      }
    const asked = performance.now();
    const job = await fits.cancel(id);
    const took = performance.now() - asked;
    assert.equal(job.status, 'cancelled');
    assert.equal(job.concept, null);
    assert.ok(took < mostMilliseconds, `it took ${Math.round(took)} ms`);
    assert.deepEqual(store.list(), []);
    assert.equal(threads(), before);
    // The worker says it with its next step, which is one chunk away at most.
    for (const end = Date.now() + mostMilliseconds; model.engine.load().running > 0; await pause(5))
      assert.ok(Date.now() < end, 'sequences are left in the engine');
    assert.ok(!fits.list().some(({ status }) => status === 'running' || status === 'queued'));
  });

test('then a fit works as if nothing had been', async () => {
  const { id } = await fits.create(
    FitRequest.parse({
      name: 'kept',
      recipe: 'attention',
      prefix: 'You adore the sea.',
      statements: sides(3),
      calibrate: false,
    }),
  );
  for await (const _ of fits.events(id)?.read(new AbortController().signal) ?? []);
  assert.equal(fits.get(id)?.status, 'succeeded', fits.get(id)?.error?.message);
  assert.deepEqual(
    store.list().map(({ name }) => name),
    ['kept'],
  );
});
