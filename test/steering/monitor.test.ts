import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Concept } from '../../src/concepts/concept.js';
import { SteerdError } from '../../src/errors.js';
import { MonitorList } from '../../src/schemas/monitor.js';
import { readings, resolveMonitors } from '../../src/steering/monitor.js';
import { sampleReadings } from '../concepts/sample.js';

/** Vectors at blocks 1 to 3, calibrated at 1 and 2. */
const sea: Concept = {
  name: 'sea',
  model: 'tiny',
  modelFingerprint: 'abc',
  version: 'v1',
  layers: 4,
  hiddenSize: 2,
  vectors: Float32Array.of(0, 0, 1, 0, 0, 1, 1, 0),
  residualNorms: Float32Array.of(1, 10, 20, 40),
  calibration: {
    method: 'test',
    coefficients: Float32Array.of(0, 0.5, 0.25, 0),
    negativeRatio: 1,
    details: {},
  },
  record: {
    recipe: 'responses',
    method: 'mean_difference',
    prefix: '',
    seed: 0,
    details: {},
  },
  readings: null,
};
const shape = {
  layers: 4,
  hiddenSize: 2,
  heads: 1,
  vocabularySize: 10,
  capacity: 64,
  slots: 2,
  fingerprint: 'abc',
};

function resolve(items: readonly unknown[], concept: Concept = sea) {
  return resolveMonitors(MonitorList.parse(items), {
    model: { id: 'tiny', shape },
    concepts: { get: (_, name) => (name === 'sea' ? { concept } : undefined), names: () => ['sea'] },
  });
}

/** <h, v> of 8, 6, 4, 2 at layers 0 to 3; a hundredfold for the second monitor. */
const projections = (m: number, layer: number) => (8 - 2 * layer) * 100 ** m;
const values = (items: readonly unknown[], concept?: Concept) =>
  readings(resolve(items, concept), projections).map(({ value }) => value);

test('a value is the mean over the layers of the projection in shares of the residual norm', () => {
  assert.deepEqual(values(['sea']), [0.4]); // (6 / 10 + 4 / 20) / 2
  assert.deepEqual(values([{ concept: 'sea', layers: 'all' }]), [0.2833333]); // (0.6 + 0.2 + 2 / 40) / 3
  assert.deepEqual(values([{ concept: 'sea', layers: [3] }]), [0.05]);
  assert.deepEqual(values([{ concept: 'sea', scale: 'raw' }]), [5]);
  assert.deepEqual(values(['sea', { concept: 'sea', layers: [2], scale: 'raw' }]), [0.4, 400]);
});

test('calibrated: neutral answers read 0, told ones 1, and the clearer layer weighs more', () => {
  const readings_ = sampleReadings();
  const read = { ...sea, readings: readings_ };
  const at = (of: (layer: number) => number, item: object = {}) =>
    readings(resolve([{ concept: 'sea', ...item }], read), (_, layer) => of(layer))[0]?.value ?? Number.NaN;
  const { neutral, told } = readings_;
  const near = (actual: number, expected: number) =>
    assert.ok(Math.abs(actual - expected) < 1e-6, `${actual}`);
  for (const layers of ['default', 'all', [3], { from: 1, to: 2 }]) {
    near(
      at((layer) => neutral.mean[layer] ?? 0, { layers }),
      0,
    );
    near(
      at((layer) => told.mean[layer] ?? 0, { layers }),
      1,
    );
  }
  // One layer at its told mean, the other neutral: shares of separation squared over variance.
  const clear = (layer: number) =>
    ((told.mean[layer] ?? 0) - (neutral.mean[layer] ?? 0)) ** 2 /
    ((neutral.spread[layer] ?? 0) ** 2 + (told.spread[layer] ?? 0) ** 2);
  const oneTold = (one: number) => at((layer) => (layer === one ? told : neutral).mean[layer] ?? 0);
  near(oneTold(2), clear(2) / (clear(1) + clear(2)));
  assert.ok(oneTold(2) > oneTold(1));
  assert.equal(resolve(['sea'], read)[0]?.receipt.scale, 'calibrated');
  assert.deepEqual(values([{ concept: 'sea', scale: 'raw' }], read), [5], 'raw stays');
  assert.deepEqual(values([{ concept: 'sea', scale: 'norm' }], read), [0.4], 'norm stays');
});

test('a layer that does not tell answers apart does not spoil the value', () => {
  const base = sampleReadings();
  const same = [...base.told.mean];
  same[1] = (base.neutral.mean[1] ?? 0) + 1e-7;
  const read = { ...sea, readings: { ...base, told: { ...base.told, mean: same } } };
  const noise = readings(resolve(['sea'], read), (_, layer) =>
    layer === 1 ? 50 : (base.neutral.mean[layer] ?? 0),
  );
  assert.ok(Math.abs(noise[0]?.value ?? 1) < 1e-4, `${noise[0]?.value}`);
  const nothing = { ...base, told: base.neutral };
  assert.throws(() => resolve(['sea'], { ...sea, readings: nothing }), /monitor\.0\.scale must be "norm" or/);
});

test('the projections themselves come when asked for, in the order of the layers', () => {
  const [plain, detailed] = readings(
    resolve(['sea', { concept: 'sea', layers: [3, 1], detail: 'layers' }]),
    projections,
  );
  assert.equal(plain?.layers, null);
  assert.deepEqual(detailed?.layers, [600, 200]);
});

test('the receipt names the version, the unit and the layers', () => {
  assert.deepEqual(
    resolve(['sea', { concept: 'sea', layers: { from: 2, to: 3 }, scale: 'raw' }]).map(
      ({ receipt }) => receipt,
    ),
    [
      { concept: 'sea', version: 'v1', scale: 'norm', layers: [1, 2] },
      { concept: 'sea', version: 'v1', scale: 'raw', layers: [2, 3] },
    ],
  );
});

test('a concept without calibration is read wherever it has a vector', () => {
  const uncalibrated = { ...sea, calibration: { ...sea.calibration, coefficients: new Float32Array(4) } };
  assert.deepEqual(resolve(['sea'], uncalibrated)[0]?.receipt.layers, [1, 2, 3]);
});

test('what cannot be monitored is an error that names the item', () => {
  const refused = (items: readonly unknown[], param: string, message: RegExp, concept = sea) =>
    assert.throws(
      () => resolve(items, concept),
      (error) => {
        assert.ok(error instanceof SteerdError);
        assert.equal(error.param, param);
        assert.match(error.message, message);
        return true;
      },
    );
  refused(['sea', 'see'], 'monitor.1', /"see" does not exist for model tiny; it has: sea/);
  refused([{ concept: 'sea', layers: [4] }], 'monitor.0.layers', /0 to 3 .*received 4/);
  refused([{ concept: 'sea', layers: [0] }], 'monitor.0.layers', /none at this one; received 0/);
  refused(['sea'], 'monitor.0', /another export/, { ...sea, modelFingerprint: 'xyz' });
  refused([{ concept: 'sea', scale: 'calibrated' }], 'monitor.0.scale', /POST .*sea\/calibrate .*"norm"/);
  const normless = { ...sea, residualNorms: new Float32Array(4) };
  refused([{ concept: 'sea', scale: 'norm' }], 'monitor.0.scale', /"raw" at layer 1/, normless);
  assert.deepEqual(values([{ concept: 'sea', scale: 'raw' }], normless), [5]);
  // Who named no scale has not asked for what is missing.
  assert.deepEqual(values(['sea'], normless), [5]);
  assert.equal(resolve(['sea'], normless)[0]?.receipt.scale, 'raw');
});
