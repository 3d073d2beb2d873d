/** Calibrating a concept of the store: what is there afterwards. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createConcept } from '../../../src/concepts/concept.js';
import { withConcepts } from '../../../src/concepts/concept-lookup.js';
import { ConceptStore } from '../../../src/concepts/concept-store.js';
import { calibrateStored } from '../../../src/fitting/measure/calibrate-stored.js';
import { CalibrateRequest } from '../../../src/schemas/measurements.js';
import { temporaryFolder } from '../../concepts/sample.js';
import { JudgedEngine, judgedModel, rulesAround, seaConcept } from './judged-model.js';

const signal = new AbortController().signal;
const questions = ['How are you?', 'What is it?'];

async function stored(t: TestContext) {
  const engine = new JudgedEngine(rulesAround(0.012));
  const model = judgedModel(engine);
  const concepts = await ConceptStore.open({ dataDirectory: await temporaryFolder(t), shipped: [] });
  const before = await concepts.put(seaConcept());
  const calibrate = (
    request: object = {},
    either = signal,
    library: typeof concepts = concepts,
    name = 'sea',
  ) =>
    calibrateStored(
      name,
      CalibrateRequest.parse({ questions, ...request }),
      { get: async () => model },
      library,
      either,
    );
  return { engine, model, concepts, before, calibrate };
}

test('the calibrated concept takes the place of the other, with everything it was', async (t) => {
  const { concepts, before, calibrate } = await stored(t);
  const after = await calibrate();
  assert.equal(await concepts.load('tiny', 'sea'), after);
  assert.notEqual(after.concept.version, before.concept.version);
  assert.deepEqual(after.concept.vectors, before.concept.vectors);
  assert.deepEqual(after.concept.record, before.concept.record);
  assert.equal(after.concept.calibration.method, 'harmonic');
});

test('a glance asked for is a glance', async (t) => {
  const { concept } = await (await stored(t)).calibrate({ glance: true });
  assert.deepEqual(
    [concept.calibration.method, concept.calibration.details.questions],
    ['glance', questions],
  );
});

test("the request's fields reach the measurement", async (t) => {
  const { calibrate } = await stored(t);
  const { concept } = await calibrate({
    prefix: 'Be a fish.',
    others: ['Be a dog.'],
    shares: [0.02, 0.01],
    bound: { fluency: 0.7, divergence: 2 },
    max_tokens: 11,
  });
  const { details } = concept.calibration;
  assert.deepEqual(
    [details.prefix, details.decoys, details.questions, details.max_tokens, details.bound],
    ['Be a fish.', ['Be a dog.'], questions, 11, { fluency: 0.7, divergence: 2 }],
  );
  assert.deepEqual(
    (details.curve as { share: number }[]).map(({ share }) => share),
    [0.01, 0.02],
  );
});

test('a concept that was replaced meanwhile is kept', async (t) => {
  const { concepts, calibrate, engine } = await stored(t);
  const fields = seaConcept();
  const other = createConcept({ ...fields, record: { ...fields.record, seed: 5 } });
  const work = calibrate();
  while (engine.generated.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const replaced = await concepts.put(other);
  await assert.rejects(work, { code: 'concept_changed' });
  assert.equal(await concepts.load('tiny', 'sea'), replaced);
});

test('an abort and a full disk leave what was there', async (t) => {
  const { concepts, before, calibrate, engine } = await stored(t);
  const stop = new AbortController();
  const work = calibrate({}, stop.signal);
  while (engine.generated.length < 3) await new Promise((resolve) => setImmediate(resolve));
  stop.abort(new Error('gone'));
  await assert.rejects(work, /gone/);
  const full = withConcepts(concepts, {
    put: () => Promise.reject(new Error('no space left')),
  }) as unknown as typeof concepts;
  await assert.rejects(calibrate({}, signal, full), /no space left/);
  assert.equal(await concepts.load('tiny', 'sea'), before);
  assert.equal(engine.running, 0);
});

test('an unknown concept is refused before anything is asked', async (t) => {
  const { calibrate, concepts, engine } = await stored(t);
  await assert.rejects(calibrate({}, signal, concepts, 'lake'), { code: 'concept_not_found' });
  assert.equal(engine.generated.length, 0);
});
