import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calibrateConcept } from '../../../src/fitting/measure/calibrate.js';
import { heldOutQuestions } from '../../../src/fitting/statements/questions.js';
import { JudgedEngine, judgedModel, prefix, type Rules, seaConcept } from './judged-model.js';

const signal = new AbortController().signal;

async function calibrated(
  rules: Rules,
  settings: Parameters<typeof calibrateConcept>[2] = {},
  concept = seaConcept(),
) {
  const engine = new JudgedEngine(rules);
  const result = await calibrateConcept(concept, judgedModel(engine), settings, signal);
  const { details, coefficients, negativeRatio, method } = result.calibration;
  return {
    engine,
    result,
    method,
    negativeRatio,
    share: (coefficients[1] ?? 0) / 100,
    curve: details.curve as { share: number; strength: number; evidence: number | null; fluent: boolean }[],
    details,
  };
}

const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-4, `${actual} is not ${expected}`);

test('strength 1 is the largest coefficient that loses no more than the bound', async () => {
  // 1 nat is lost at a share of 1 / 80 = 0.0125: of what is tried between 0.012 and 0.024 nothing is inside.
  const { share, negativeRatio, curve, method, result } = await calibrated({ loss: () => 80, gain: 10 });
  assert.equal(method, 'fluency');
  near(share, 0.012);
  near(negativeRatio, 1);
  assert.deepEqual(
    curve.map((point) => point.share),
    [-0.024, -0.019, -0.015, -0.012, -0.006, 0, 0.006, 0.012, 0.015, 0.019, 0.024],
  );
  for (const { share: at, fluent, strength, evidence } of curve) {
    assert.equal(fluent, Math.abs(at) <= 0.012, `at ${at}`);
    near(strength, at / 0.012);
    near(evidence ?? Number.NaN, at * 10);
  }
  assert.notEqual(result.version, seaConcept().version);
  assert.deepEqual(result.vectors, seaConcept().vectors);
});

test('both directions are measured apart', async () => {
  const { share, negativeRatio, details } = await calibrated({
    loss: (at) => (at > 0 ? 80 : 160),
    gain: 10,
  });
  near(share, 0.012);
  near(negativeRatio, 0.006 / 0.012);
  assert.equal(details.negative_share, 0.006);
});

test('loops and silence end the range as well', async () => {
  near((await calibrated({ loss: () => 1, gain: 1, loopsFrom: 0.008 })).share, 0.0076);
  near((await calibrated({ loss: () => 1, gain: 1, silentFrom: 0.011 })).share, 0.0095);
});

test('the search goes on beyond what was tried first, up or down', async () => {
  // 1 nat at 0.1: far above the usual grid. 1 nat at 0.002: below it.
  const strong = await calibrated({ loss: () => 10, gain: 1 });
  assert.ok(strong.share > 0.06 && strong.share <= 0.1, `${strong.share}`);
  const weak = await calibrated({ loss: () => 500, gain: 1 });
  assert.ok(weak.share > 0.001 && weak.share <= 0.002, `${weak.share}`);
});

test('what was asked for counts: grid, bound, questions, length, prefix', async () => {
  const { share, curve, engine, details } = await calibrated(
    { loss: () => 80, gain: 1 },
    {
      shares: [0.01, 0.03],
      bound: { logProbabilityDrop: 3, distinct2: 0.5 },
      questions: ['One?', 'Two?'],
      maxTokens: 9,
      prefix: 'Be a fish.',
    },
  );
  near(share, 0.03);
  assert.deepEqual(
    curve.map((point) => point.share),
    [-0.03, -0.01, 0, 0.01, 0.03],
  );
  assert.equal(engine.generated.length, 10 + 2, 'and two told answers');
  assert.ok(engine.generated.every(({ maxTokens }) => maxTokens === 9));
  assert.equal(details.prefix, 'Be a fish.');
  const prompts = engine.scored.map(({ tokens, from }) => String.fromCodePoint(...tokens.slice(0, from)));
  assert.equal(prompts.filter((prompt) => prompt.includes('Be a fish.')).length, 10);
});

test('without anything that states the concept fluency alone decides', async () => {
  const { share, curve } = await calibrated({ loss: () => 80, gain: 10 }, {}, seaConcept({ prefix: '' }));
  near(share, 0.012);
  assert.ok(curve.every(({ evidence }) => evidence === null));
});

test('all strengths of a question run in one batch, as background work, and each beginning is judged once', async () => {
  const { engine } = await calibrated({ loss: () => 80, gain: 10 });
  const rows = heldOutQuestions.length * 11;
  assert.equal(engine.generated.length, rows + heldOutQuestions.length, 'and the told answers');
  assert.ok(engine.mostRunning > 1);
  assert.ok(engine.generated.every(({ priority }) => priority === 'background'));
  assert.equal(engine.scored.length, 2 * rows);
  const beginnings = engine.scored.map(({ tokens, shared }) => tokens.slice(0, shared).join());
  const changes = beginnings.filter((beginning, index) => beginning !== beginnings[index - 1]).length;
  // Two rounds, each first plain and then with the concept stated.
  assert.equal(changes, 4 * heldOutQuestions.length);
  const stated = engine.scored.filter(({ tokens }) => String.fromCodePoint(...tokens).includes(prefix));
  assert.equal(stated.length, rows);
});

test('the same request gives the same concept, whatever it was calibrated to before', async () => {
  const rules: Rules = { loss: (at) => (at > 0 ? 80 : 50), gain: 10 };
  const first = await calibrated(rules);
  assert.equal((await calibrated(rules)).result.version, first.result.version);
  near((await calibrated(rules, {}, first.result)).share, first.share);
});

test('an abort ends it and leaves nothing running', async () => {
  for (const stage of ['calibrate: answer', 'calibrate: judge']) {
    const engine = new JudgedEngine({ loss: () => 80, gain: 10 });
    const controller = new AbortController();
    const work = calibrateConcept(seaConcept(), judgedModel(engine), {}, controller.signal, (at, done) => {
      if (at === stage && done === 5) controller.abort(new Error('enough'));
    });
    await assert.rejects(work, /enough/);
    assert.equal(engine.running, 0);
  }
});

test('what cannot be calibrated is refused', async () => {
  const { calibration, ...rest } = seaConcept();
  const still = { ...rest, calibration: { ...calibration, coefficients: new Float32Array(3) } };
  const model = judgedModel(new JudgedEngine({ loss: () => 1, gain: 1 }));
  await assert.rejects(calibrateConcept(still, model, {}, signal), /concept must be one that steers/);
  const long = { questions: ['x'.repeat(5000), 'y'] };
  await assert.rejects(calibrateConcept(seaConcept(), model, long, signal), /a prompt has \d+ tokens/);
});
