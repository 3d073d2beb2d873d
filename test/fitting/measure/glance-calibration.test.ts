/** Calibrating by a glance, beside a whole calibration of the same concept. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calibrateConcept } from '../../../src/fitting/measure/calibrate.js';
import { calibrateAtAGlance } from '../../../src/fitting/measure/glance-calibration.js';
import { CalibrateRequest } from '../../../src/schemas/measurements.js';
import { JudgedEngine, judgedModel, prefix, rulesAround, seaConcept } from './judged-model.js';

const signal = new AbortController().signal;

async function glanced(one: number, settings: Parameters<typeof calibrateAtAGlance>[2] = {}) {
  const engine = new JudgedEngine(rulesAround(one));
  const concept = await calibrateAtAGlance(seaConcept(), judgedModel(engine), settings, signal);
  return { engine, concept, share: concept.calibration.details.share as number };
}

async function measured(one: number) {
  const engine = new JudgedEngine(rulesAround(one));
  const concept = await calibrateConcept(seaConcept(), judgedModel(engine), {}, signal);
  return { engine, concept, share: concept.calibration.details.share as number };
}

for (const one of [0.004, 0.012, 0.03])
  test(`a concept that is best about ${one} is found within a third of a whole calibration, with a sixth of its reads`, async () => {
    const [glance, whole] = [await glanced(one), await measured(one)];
    assert.ok(
      Math.abs(Math.log(glance.share / whole.share)) < Math.log(4 / 3),
      `${glance.share}, ${whole.share}`,
    );
    const reads = ({ engine }: typeof glance) =>
      engine.pairs.reduce((sum, { pairs }) => sum + pairs.length, 0);
    assert.ok(reads(glance) * 6 < reads(whole), `${reads(glance)} and ${reads(whole)}`);
  });

test('greedy answers alone are written, each read plainly and told', async () => {
  const { engine, concept } = await glanced(0.012, {
    questions: ['How are you?', 'What is it?'],
    maxTokens: 11,
  });
  assert.ok(engine.generated.every(({ sampling }) => sampling.temperature === 0));
  assert.ok(engine.generated.every(({ maxTokens }) => maxTokens === 11));
  const { method, negativeRatio, details, coefficients } = concept.calibration;
  assert.deepEqual([method, negativeRatio, concept.readings], ['glance', 1, null]);
  assert.deepEqual(
    [details.prefix, details.questions, details.max_tokens],
    [prefix, ['How are you?', 'What is it?'], 11],
  );
  // In the concept's own proportions, as shares of residual norms of 100.
  assert.equal(coefficients[0], 0);
  assert.ok(Math.abs((coefficients[1] ?? 0) / 100 / (details.share as number) - 1) < 1e-3);
  assert.deepEqual(concept.vectors, seaConcept().vectors);
});

test('what a glance does not look at is refused beside it, by its name', () => {
  for (const [field, value] of Object.entries({ others: ['Be a dog.'], shares: [0.01], bound: {} })) {
    const { success, error } = CalibrateRequest.safeParse({ glance: true, [field]: value });
    assert.equal(success, false);
    assert.deepEqual(
      error?.issues.map(({ path }) => path),
      [[field]],
    );
    assert.ok(CalibrateRequest.safeParse({ glance: false, [field]: value }).success);
  }
});

test('where nothing states the concept it is found where a whole calibration finds it, and nothing is told', async () => {
  const rules = rulesAround(0.012);
  const unstated = { prefix: '' };
  const share = async (calibrate: typeof calibrateAtAGlance | typeof calibrateConcept) => {
    const engine = new JudgedEngine(rules);
    const { calibration } = await calibrate(seaConcept(unstated), judgedModel(engine), {}, signal);
    return calibration.details.share as number;
  };
  const [glance, whole] = [await share(calibrateAtAGlance), await share(calibrateConcept)];
  assert.ok(Math.abs(Math.log(glance / whole)) < Math.log(4 / 3), `${glance}, ${whole}`);
});

test('a glance may read as many tokens as a whole calibration, which are more answers, and names its own fields', () => {
  const questions = Array.from({ length: 64 }, (_, i) => `Question ${i}?`);
  assert.ok(CalibrateRequest.safeParse({ glance: true, questions, max_tokens: 512 }).success);
  const { error } = CalibrateRequest.safeParse({ questions, max_tokens: 512 });
  assert.match(error?.issues[0]?.message ?? '', /^questions, shares, others and max_tokens must/);
});
