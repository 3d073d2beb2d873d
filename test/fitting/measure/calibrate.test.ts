import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calibrateConcept, trialsOf } from '../../../src/fitting/measure/calibrate.js';
import { usualCalibration } from '../../../src/schemas/measurements.js';
import {
  JudgedEngine,
  judgedModel,
  prefix,
  type Rules,
  rulesAround,
  seaConcept,
  textOf,
} from './judged-model.js';

const signal = new AbortController().signal;

interface CurvePoint {
  readonly share: number;
  readonly strength: number;
  readonly concept: number | null;
}

async function calibrated(
  rules: Rules,
  settings: Parameters<typeof calibrateConcept>[2] = {},
  concept = seaConcept(),
) {
  const engine = new JudgedEngine(rules);
  const result = await calibrateConcept(concept, judgedModel(engine), settings, signal);
  const { details, coefficients, negativeRatio, method } = result.calibration;
  const share = (coefficients[1] ?? 0) / 100;
  return {
    engine,
    result,
    method,
    negativeRatio,
    share,
    details,
    curve: details.curve as readonly CurvePoint[],
  };
}

const near = (actual: number, expected: number, within = 1e-4) =>
  assert.ok(Math.abs(actual - expected) < within, `${actual} is not ${expected}`);

test('strength 1 is the share found, over the layers in their own proportions', async () => {
  const { share, details, curve, method, result } = await calibrated(rulesAround(0.012));
  assert.equal(method, 'harmonic');
  near(share / (details.share as number), 1, 1e-3);
  near(result.calibration.coefficients[2] ?? 0, 100 * share);
  assert.equal(result.calibration.coefficients[0], 0);
  for (const point of curve) near(point.strength * share, point.share, 1e-3 * point.share + 1e-6);
  assert.notEqual(result.version, seaConcept().version);
  assert.deepEqual(result.vectors, seaConcept().vectors);
  assert.equal(result.readings?.toldBy, 'message');
});

test('strength alone is the same strength, from half the answers, with nothing beside it', async () => {
  const whole = await calibrated(rulesAround(0.012));
  const alone = await calibrated(rulesAround(0.012), { strengthOnly: true }, whole.result);
  near(alone.share, whole.share, 1e-9);
  // How far distributions move bounds nothing here, and nobody asked.
  assert.deepEqual(
    alone.curve,
    whole.curve.map((point) => ({ ...point, divergence_95: null })),
  );
  assert.deepEqual(
    [alone.details.side_effects, alone.details.suppression, alone.result.readings, alone.negativeRatio],
    [null, null, null, 1],
  );
  assert.ok(alone.engine.generated.length < 0.6 * whole.engine.generated.length);
});

test('strength -1 is measured apart, on told prompts', async () => {
  const halved = (half: number) => (share: number) => 1 / (1 + (share / half) ** 4);
  const ratio = async (half: number) => {
    const { gain, loss } = rulesAround(0.012);
    const rules = {
      gain,
      told: halved(half),
      loss: (share: number) => (share < 0 ? 4 * -share : loss(share)),
    };
    const { negativeRatio, details, share } = await calibrated(rules);
    near(negativeRatio, (details.negative_share as number) / share, 2e-3);
    return negativeRatio;
  };
  // What goes easily takes less.
  const [easy, hard] = [await ratio(0.004), await ratio(0.012)];
  assert.ok(easy < hard, `${easy} ${hard}`);
});

test('the largest strength is at least 1, and further with a looser bound', async () => {
  const most = async (bound: object) =>
    (await calibrated(rulesAround(0.012), { bound })).details.max_strength as number;
  const [tight, usual, loose] = [await most({ fluency: 0.99 }), await most({}), await most({ fluency: 0.2 })];
  assert.ok(tight === 1 && usual > tight && loose >= usual, `${tight} ${usual} ${loose}`);
  // The distribution moves by ten nats a share.
  const { details, share } = await calibrated(rulesAround(0.012), { bound: { divergence: 0.2 } });
  near(((details.max_strength as number) * share) / 0.02, 1, 0.05);
});

test('what was asked for counts: grid, questions, length, message and its decoys', async () => {
  const { curve, engine, details, result } = await calibrated(rulesAround(0.012), {
    shares: [0.01, 0.03],
    questions: ['One?', 'Two?'],
    maxTokens: 9,
    prefix: 'Be a fish.',
    others: ['Be a dog.', 'Be a cat.'],
  });
  assert.deepEqual(
    curve.map((point) => point.share),
    [0.01, 0.03],
  );
  // Side effects ask questions of their own.
  const asked = engine.generated.filter(({ prompt }) => /<user>(One|Two)\?/.test(textOf(prompt)));
  assert.ok(asked.length > 0 && asked.every(({ maxTokens }) => maxTokens === 9));
  assert.deepEqual([details.prefix, details.decoys], ['Be a fish.', ['Be a dog.', 'Be a cat.']]);
  const prompts = engine.pairs.flatMap((request) => request.prompts.map(textOf));
  for (const message of ['Be a fish.', 'Be a dog.', 'Be a cat.'])
    assert.ok(
      prompts.some((prompt) => prompt.includes(message)),
      message,
    );
  assert.ok(prompts.every((prompt) => !prompt.includes(prefix)));
  assert.equal(result.record.prefix, prefix, 'the record stays what the fit was');
});

test('without anything that states the concept both directions are alike', async () => {
  const { negativeRatio, curve, result } = await calibrated(
    rulesAround(0.012),
    {},
    seaConcept({ prefix: '' }),
  );
  assert.equal(negativeRatio, 1);
  assert.ok(curve.every(({ concept }) => concept === null));
  assert.equal(result.readings?.toldBy, 'steering');
});

test('all of it is background work', async () => {
  const { engine } = await calibrated(rulesAround(0.012));
  for (const { priority } of [...engine.generated, ...engine.scored, ...engine.pairs, ...engine.projected])
    assert.equal(priority, 'background');
  assert.ok(engine.mostRunning > 1 && engine.mostRunning <= 8);
  assert.equal(engine.running, 0);
});

test('the same request gives the same concept, whatever it was calibrated to before', async () => {
  const first = await calibrated(rulesAround(0.015));
  assert.equal((await calibrated(rulesAround(0.015))).result.version, first.result.version);
  near((await calibrated(rulesAround(0.015), {}, first.result)).share, first.share, 1e-6);
});

test('trials that a caller brings are not asked again', async () => {
  const engine = new JudgedEngine(rulesAround(0.012));
  const model = judgedModel(engine);
  const trials = trialsOf(seaConcept(), model, {}, signal, () => {});
  await trials.references();
  const before = engine.generated.length;
  assert.equal(before, usualCalibration.questions * 4);
  const own = new JudgedEngine(rulesAround(0.012));
  const alone = await calibrateConcept(seaConcept(), judgedModel(own), {}, signal);
  const shared = await calibrateConcept(seaConcept(), model, {}, signal, () => {}, trials);
  assert.equal(shared.version, alone.version);
  assert.equal(engine.generated.length, own.generated.length);
});

test('an abort ends it in any stage and leaves nothing running', async () => {
  const stages = new Set<string>();
  const run = (engine: JudgedEngine, either: AbortSignal, heard: (stage: string) => void) =>
    calibrateConcept(seaConcept(), judgedModel(engine), {}, either, heard);
  await run(new JudgedEngine(rulesAround(0.012)), signal, (stage) => stages.add(stage));
  assert.ok(stages.has('calibrate: answer plainly') && stages.has('calibrate: side effects'));
  for (const stage of stages) {
    assert.match(stage, /^calibrate: /);
    const engine = new JudgedEngine(rulesAround(0.012));
    const stop = new AbortController();
    const work = run(engine, stop.signal, (at) => at === stage && stop.abort(new Error('enough')));
    await assert.rejects(work, /enough/, stage);
    assert.equal(engine.running, 0);
  }
});

test('what cannot be calibrated is refused', async () => {
  const { calibration, ...rest } = seaConcept();
  const still = { ...rest, calibration: { ...calibration, coefficients: new Float32Array(3) } };
  const model = judgedModel(new JudgedEngine(rulesAround(0.012)));
  await assert.rejects(calibrateConcept(still, model, {}, signal), /concept must be one that steers/);
  const long = { questions: ['x'.repeat(5000), 'y'] };
  await assert.rejects(calibrateConcept(seaConcept(), model, long, signal), /a prompt has \d+ tokens/);
});
