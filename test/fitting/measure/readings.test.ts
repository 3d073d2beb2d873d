import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ablatedLevel } from '../../../src/concepts/readings.js';
import { calibrateConcept } from '../../../src/fitting/measure/calibrate.js';
import { auroc, distributionOf } from '../../../src/fitting/measure/reading-statistics.js';
import { measureReadings } from '../../../src/fitting/measure/readings.js';
import { seededRandom } from '../../concepts/sample.js';
import { JudgedEngine, judgedModel, rulesAround, seaConcept } from './judged-model.js';

const signal = new AbortController().signal;
const near = (actual: number, expected: number, within = 1e-4) =>
  assert.ok(Math.abs(actual - expected) < within, `${actual} is not ${expected}`);

test('AUROC is the share of pairs in order, ties half', () => {
  const random = seededRandom(5);
  for (const count of [1, 3, 40]) {
    // Few values, so that many are equal.
    const draw = (n: number, shift: number) =>
      Array.from({ length: n }, () => Math.floor(random() * 6) + shift);
    const [high, low] = [draw(count, 1), draw(count + 2, 0)];
    let pairs = 0;
    for (const x of high) for (const y of low) pairs += x > y ? 1 : x === y ? 0.5 : 0;
    near(auroc(high, low), pairs / (high.length * low.length), 1e-12);
    near(auroc(high, low) + auroc(low, high), 1, 1e-12);
  }
  assert.equal(auroc([2, 3], [0, 1]), 1);
  assert.equal(auroc([1, 1], [1]), 0.5);
});

test('mean and spread', () => {
  assert.deepEqual(distributionOf([1, 3]), { mean: 2, spread: Math.SQRT2 });
  assert.deepEqual(distributionOf([5]), { mean: 5, spread: 0 });
});

test('a calibrated concept knows what neutral and told answers read', async () => {
  const engine = new JudgedEngine(rulesAround(0.012));
  const { readings, calibration } = await calibrateConcept(seaConcept(), judgedModel(engine), {}, signal);
  const added = (layer: number) => calibration.coefficients[layer] ?? 0;
  const share = added(1) / 100;
  assert.ok(readings);
  assert.equal(readings.toldBy, 'message');
  assert.deepEqual([readings.neutral.mean[0], readings.told.mean[0], readings.auroc[0]], [0, 0, 0.5]);
  for (const layer of [1, 2]) {
    near(readings.neutral.mean[layer] ?? 0, -10 * layer, 0.05);
    near(readings.told.mean[layer] ?? 0, -10 * layer + 4, 0.05);
    near(readings.neutral.spread[layer] ?? 0, 1, 0.05);
    // What the stream reads under addition: the fake's hundredfold of the share, and the addition itself.
    const read = 100 * share + added(layer);
    const reached = (ablatedLevel(readings)[layer] ?? 0) + (readings.clamp.unit[layer] ?? 0);
    near(reached - (readings.neutral.mean[layer] ?? 0), read, 0.05);
    assert.equal(readings.auroc[layer], 1);
  }
  assert.deepEqual(readings.clamp.layers, [1, 2]);
  // 24 tokens to each of twelve questions a side, read without any edit and as background work.
  assert.deepEqual(readings.tokens, { neutral: 12 * 24, told: 12 * 24 });
  // The neutral ones along the message too, in the same pass.
  assert.equal(engine.projected.length, 2 * 12);
  assert.deepEqual(
    [0, 12].map((at) => engine.projected[at]?.vectors.length),
    [2, 1],
  );
  assert.ok(engine.projected.every(({ priority }) => priority === 'background'));
});

test('a concept that nothing states is read on its own steered answers, and says so', async () => {
  const engine = new JudgedEngine(rulesAround(0.012));
  const concept = seaConcept({ prefix: '' });
  const calibrated = await calibrateConcept(concept, judgedModel(engine), {}, signal);
  assert.equal(calibrated.readings?.toldBy, 'steering');
  const added = calibrated.calibration.coefficients[1] ?? 0;
  near(calibrated.readings?.told.mean[1] ?? 0, -10 + added, 0.1);
  near(calibrated.readings?.clamp.unit[1] ?? 0, 2 * added, 0.1);
  assert.ok(engine.projected.every(({ tokens }) => !String.fromCodePoint(...tokens).includes('adore')));
});

test('a token is read where it was chosen, one position before its own', async () => {
  const engine = new JudgedEngine(rulesAround(0.012));
  // The fake's values tell positions apart by their parity: up at even ones.
  const answers = (prompt: number[], answer: number[]) => [{ prompt, answer }];
  const read = (prompt: number[], answer: number[]) =>
    measureReadings(
      seaConcept(),
      judgedModel(engine),
      { neutral: answers(prompt, answer), told: answers([7, 7], [7]), toldBy: 'message' },
      signal,
    );
  assert.equal((await read([1, 2, 3], [4]))?.readings.neutral.mean[1], -9, 'position 2');
  assert.equal((await read([1, 2], [4]))?.readings.neutral.mean[1], -11, 'position 1');
  assert.deepEqual(engine.projected[0]?.tokens, [1, 2, 3], 'the last token chooses nothing that is there');
  assert.equal(await read([1, 2], []), null, 'no token, no readings');
});

test('an abort ends it', async () => {
  const engine = new JudgedEngine(rulesAround(0.012));
  const stop = new AbortController();
  stop.abort(new Error('enough'));
  const answers = [{ prompt: [1], answer: [2] }];
  const told = { neutral: answers, told: answers, toldBy: 'message' } as const;
  await assert.rejects(measureReadings(seaConcept(), judgedModel(engine), told, stop.signal), /enough/);
});
