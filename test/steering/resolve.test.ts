import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Concept } from '../../src/concepts/concept.js';
import type { EditTerm, ModelShape } from '../../src/engine/protocol.js';
import { SteerdError } from '../../src/errors.js';
import { SteeringItem } from '../../src/schemas/steering.js';
import type { SteeringReceipt } from '../../src/schemas/steering-receipt.js';
import { resolveSteering } from '../../src/steering/resolve.js';
import { sampleReadings } from '../concepts/sample.js';

const L = 4;
const H = 2;
const shape: ModelShape = {
  layers: L,
  hiddenSize: H,
  heads: 1,
  vocabularySize: 10,
  capacity: 64,
  slots: 2,
  fingerprint: 'abc',
};

/** Vectors at blocks 1 to 3, calibrated at 1 and 2. */
const sea: Concept = {
  name: 'sea',
  model: 'tiny',
  modelFingerprint: 'abc',
  version: 'v1',
  layers: L,
  hiddenSize: H,
  vectors: Float32Array.of(0, 0, 1, 0, 0, 1, 1, 0),
  residualNorms: Float32Array.of(1, 10, 20, 40),
  calibration: {
    method: 'test',
    coefficients: Float32Array.of(0, 0.5, 0.25, 0),
    negativeRatio: 1,
    details: {},
  },
  record: { recipe: 'responses', method: 'mean_difference', prefix: '', seed: 0, details: {} },
  readings: sampleReadings(L),
};

/** With a level measured for ablation. */
const ablated: Concept = {
  ...sea,
  readings: sampleReadings(L, {
    ablate: { level: [0, -9.5, -11, -12], below: 0.2, fluency: 0.95, removed: 0.7, tried: [] },
  }),
};

function resolve(
  parts: object | readonly object[],
  concept: Concept = sea,
  promptLength = 7,
  answerTokens?: number,
) {
  const items = [parts].flat().map((part) => SteeringItem.parse({ concept: 'sea', ...part }));
  return resolveSteering(items, {
    model: { id: 'tiny', shape },
    concepts: {
      get: (_, name) => (name === 'sea' ? { concept } : undefined),
      names: () => ['sea'],
    },
    promptLength,
    ...(answerTokens !== undefined && { answerTokens }),
  });
}

function term(part: object): EditTerm {
  const { edit } = resolve(part);
  assert.equal(edit.length, 1);
  return edit[0] as EditTerm;
}

const coefficients = (part: object) => {
  const { add, scale } = term(part);
  return [[...add], [...scale]];
};

test('add is calibrated, raw or in shares of the residual norm', () => {
  const none = [0, 0, 0, 0];
  assert.deepEqual(coefficients({ strength: 2 }), [[0, 1, 0.5, 0], none]);
  assert.deepEqual(coefficients({ strength: -2 }), [[0, -1, -0.5, 0], none]);
  assert.deepEqual(coefficients({ strength: 3, scale: 'raw', layers: [3, 1] }), [[0, 3, 0, 3], none]);
  assert.deepEqual(coefficients({ strength: 0.5, scale: 'norm', layers: { from: 2, to: 3 } }), [
    [0, 0, 10, 20],
    none,
  ]);
  assert.deepEqual(coefficients({ strength: 3, scale: 'raw' }), [[0, 3, 3, 0], none]);
  assert.deepEqual(coefficients({ strength: 3, scale: 'raw', layers: 'all' }), [[0, 3, 3, 3], none]);
});

test('one formula gives ablate, clamp and amplify, about the neutral mean', () => {
  // Neutral at -9 and -10, units 4 and 6 at the blocks 1 and 2.
  const all = [0, -1, -1, 0];
  assert.deepEqual(coefficients({ operation: 'ablate' }), [[0, -9, -10, 0], all]);
  assert.deepEqual(coefficients({ operation: 'ablate', strength: 0.5 }), [
    [0, -4.5, -5, 0],
    [0, -0.5, -0.5, 0],
  ]);
  assert.deepEqual(coefficients({ operation: 'clamp', strength: 2 }), [[0, -1, 2, 0], all]);
  assert.deepEqual(coefficients({ operation: 'clamp', strength: -1 }), [[0, -13, -16, 0], all]);
  assert.deepEqual(coefficients({ operation: 'amplify', strength: 3 }), [
    [0, 18, 20, 0],
    [0, 2, 2, 0],
  ]);
  assert.deepEqual(coefficients({ operation: 'clamp', layers: [3] }), [
    [0, 0, 0, -3],
    [0, 0, 0, -1],
  ]);
});

test('a measured level is what ablation moves to, and where clamp begins', () => {
  // A half and 1 below neutral.
  const all = [0, -1, -1, 0];
  const parts = (part: object) => {
    const { add, scale } = resolve(part, ablated).edit[0] as EditTerm;
    return [[...add], [...scale]];
  };
  assert.deepEqual(parts({ operation: 'ablate' }), [[0, -9.5, -11, 0], all]);
  assert.deepEqual(parts({ operation: 'clamp', strength: 1 }), [[0, -5.5, -5, 0], all]);
  assert.deepEqual(parts({ operation: 'amplify', strength: 0 }), [[0, -9, -10, 0], all], 'about neutral');
  const whole = resolve({ operation: 'ablate' }, ablated);
  for (const strength of [0, -0])
    assert.deepEqual(resolve({ operation: 'clamp', strength }, ablated).edit, whole.edit);
  const [{ neutral, ablated: said }] = whole.receipts as [SteeringReceipt];
  assert.deepEqual([neutral, said], [[-9, -10], { level: [-9.5, -11], removed: 0.7, fluency: 0.95 }]);
  const about = (part: object) => resolve(part, ablated).receipts[0]?.ablated;
  assert.deepEqual(about({ operation: 'ablate', scale: 'raw' }), undefined);
  assert.deepEqual(about({ operation: 'clamp' }), undefined);
  assert.deepEqual(resolve({ operation: 'ablate' }).receipts[0]?.ablated, { level: [-9, -10] }, 'unmeasured');
});

test('with scale raw or norm they act about 0, as is', () => {
  const none = [0, 0, 0, 0];
  const all = [0, -1, -1, 0];
  for (const scale of ['raw', 'norm']) {
    assert.deepEqual(coefficients({ operation: 'ablate', scale }), [none, all]);
    assert.deepEqual(coefficients({ operation: 'amplify', strength: 3, scale }), [none, [0, 2, 2, 0]]);
    assert.deepEqual(coefficients({ operation: 'clamp', strength: 0, scale }), [none, all]);
  }
  assert.deepEqual(coefficients({ operation: 'clamp', strength: 4, scale: 'raw' }), [[0, 4, 4, 0], all]);
  assert.deepEqual(coefficients({ operation: 'clamp', strength: 0.5, scale: 'norm' }), [[0, 5, 10, 0], all]);
});

test('where no level was measured clamp 0, ablate 1 and amplify 0 are one, to the bit', () => {
  const ablated = resolve({ operation: 'ablate' }).edit;
  assert.deepEqual(resolve({ operation: 'clamp', strength: 0 }).edit, ablated);
  assert.deepEqual(resolve({ operation: 'clamp', strength: -0 }).edit, ablated);
  assert.deepEqual(resolve({ operation: 'amplify', strength: 0 }).edit, ablated);
});

test('a term that changes nothing is left out, with a receipt', () => {
  for (const part of [
    { strength: 0 },
    { strength: -0 },
    { strength: 0, scale: 'raw', layers: 'all' },
    { strength: 0, operation: 'ablate' },
    { strength: 1, operation: 'amplify' },
  ]) {
    const { edit, receipts } = resolve(part);
    assert.deepEqual(edit, []);
    assert.equal(receipts.length, 1);
    assert.deepEqual(receipts[0]?.layers, []);
  }
});

test('positions become a window of absolute positions', () => {
  const window = (positions: unknown) => {
    const { from, to } = term({ positions });
    return [from, to];
  };
  const end = Number.POSITIVE_INFINITY;
  assert.deepEqual(window('all'), [0, end]);
  assert.deepEqual(window('prompt'), [0, 6]);
  assert.deepEqual(window('generated'), [6, end], 'from where the first token of the answer is drawn');
  assert.deepEqual(window({ from: 2, to: 9 }), [2, 9]);
  assert.deepEqual(window({ last: 1 }), [6, end]);
  assert.deepEqual(window({ last: 100 }), [0, end]);
});

test('a receipt says what was done, item by item', () => {
  const { edit, receipts } = resolve([
    { strength: 2 },
    { operation: 'ablate', layers: [3], positions: { last: 2 } },
  ]);
  assert.equal(edit.length, 2);
  for (const { vectors } of edit) assert.equal(vectors, sea.vectors, 'no copy');
  assert.deepEqual(receipts, [
    {
      concept: 'sea',
      version: 'v1',
      model: 'tiny',
      strength: 2,
      scale: 'calibrated',
      operation: 'add',
      layers: [1, 2],
      coefficients: [1, 0.5],
      positions: 'all',
      applied: true,
      calibrated: false,
      calibrated_why: 'measured alone, and 2 items act together here',
    },
    {
      concept: 'sea',
      version: 'v1',
      model: 'tiny',
      strength: 1,
      scale: 'calibrated',
      operation: 'ablate',
      layers: [3],
      coefficients: [-1],
      neutral: [-11],
      ablated: { level: [-11] },
      positions: { last: 2 },
      applied: true,
      calibrated: false,
      calibrated_why: 'measured alone, and 2 items act together here',
    },
  ]);
});

test('calibrated is what was measured: operation, layers and positions, alone', () => {
  const receipt = (parts: object | readonly object[], concept = sea) => resolve(parts, concept).receipts[0];
  for (const measured of [
    {},
    { strength: -3 },
    { layers: [2, 1] },
    { positions: { last: 9 } },
    [{}, { strength: 0 }],
    { operation: 'clamp', strength: 2 },
    { operation: 'amplify', strength: 1.5 },
  ]) {
    assert.equal(receipt(measured)?.calibrated, true, JSON.stringify(measured));
    assert.ok(!('calibrated_why' in (receipt(measured) ?? {})));
  }
  assert.equal(receipt({ operation: 'ablate', strength: 0.3 }, ablated)?.calibrated, true);
  const refused: readonly [object | readonly object[], RegExp][] = [
    [{ operation: 'ablate' }, /nobody measured what ablation takes out/],
    [{ scale: 'raw' }, /scale "raw"/],
    [{ scale: 'norm', operation: 'clamp' }, /scale "norm"/],
    [[{}, { positions: 'prompt' }], /2 items act together/],
    [{ layers: [1] }, /default layers/],
    [{ operation: 'clamp', layers: [1, 2, 3] }, /default layers/],
    [{ positions: 'generated' }, /all positions/],
    [{ positions: 'prompt', operation: 'clamp' }, /all positions/],
  ];
  for (const [parts, why] of refused) {
    assert.equal(receipt(parts)?.calibrated, false, JSON.stringify(parts));
    assert.match(receipt(parts)?.calibrated_why ?? '', why);
  }
  const ruled = { ...sea, calibration: { ...sea.calibration, method: 'norm_share' } };
  assert.match(receipt({}, ruled)?.calibrated_why ?? '', /norm_share, not from a measurement/);
});

test('positions that do not come are said', () => {
  const far = (positions: object, answerTokens?: number) =>
    resolve({ positions }, sea, 7, answerTokens).receipts[0];
  // 7 tokens of the prompt and 5 of the answer, of which the last is not read: positions 0 to 10.
  assert.equal(far({ from: 10, to: 20 }, 5)?.applied, true);
  const missed = far({ from: 11, to: 20 }, 5);
  assert.equal(missed?.applied, false);
  assert.deepEqual(missed?.notes, ['no position is in this window: the last one of this request is 10']);
  assert.equal(far({ from: 63, to: 64 })?.applied, true);
  assert.equal(resolve({ strength: 0 }).receipts[0]?.applied, false);
  for (const operation of ['add', 'ablate']) {
    const { edit, receipts } = resolve({ positions: 'prompt', operation }, sea, 1);
    assert.deepEqual(
      [edit, receipts[0]?.applied],
      [[], false],
      'a prompt of one token chooses with all of it',
    );
    assert.equal(receipts[0]?.notes?.length, 1);
  }
});

test('top k takes the layers with the strongest claim that the record knows', () => {
  const recorded = (details: object): Concept => ({
    ...sea,
    record: { ...sea.record, details: { ...details } },
  });
  const top = (k: number, concept: Concept) =>
    resolve({ layers: { top: k }, scale: 'raw' }, concept).receipts[0]?.layers;
  const byValidation = recorded({
    layers: [
      { layer: 1, r: 0.9, validation_r: -0.7 },
      { layer: 2, r: 0.9, validation_r: 0.2 },
      { layer: 3, r: 0.1, validation_r: 0.5 },
    ],
  });
  assert.deepEqual(top(1, byValidation), [1]);
  assert.deepEqual(top(2, byValidation), [1, 3]);
  assert.deepEqual(top(3, byValidation), [1, 2, 3]);
  const byFit = recorded({
    layers: [1, 2, 3].map((layer) => ({ layer, r: layer / 10, validation_r: null })),
  });
  assert.deepEqual(top(2, byFit), [2, 3]);

  const heads = [
    { layer: 1, r: 0.9, significant_heads: 0.5 },
    { layer: 2, r: 0.8, significant_heads: 0.5 },
    { layer: 3, r: 0.1, significant_heads: 0.75 },
  ];
  assert.deepEqual(top(2, recorded({ layers: heads })), [1, 3], 'equal shares: the better r');
  const attention = {
    candidates: [-2, -1],
    candidate_ids: [5, 6],
    chosen: [-1, -2, -1, -1],
    map: [
      [0, 1],
      [0.3, 0.1],
      [0, 0.4],
      [0.1, 0.2],
    ],
  };
  const attended = recorded({ layers: heads, attention });
  assert.deepEqual(top(2, attended), [2, 3], 'equal shares: more attention at the token read');

  const refused = (layers: object, concept: Concept, param: string, message: RegExp) =>
    assert.throws(
      () => resolve({ layers, scale: 'raw' }, concept),
      (error) => error instanceof SteerdError && error.param === param && message.test(error.message),
    );
  refused({ top: 2 }, sea, 'steering.layers', /record of concept sea.*received "\{\\"top\\":2\}"/);
  refused({ top: 2 }, recorded({ layers: [{ layer: 1, r: 1 }] }), 'steering.layers', /record of concept sea/);
  refused({ top: 2 }, recorded({ layers: 'foreign' }), 'steering.layers', /record of concept sea/);
  refused({ top: 4 }, byFit, 'steering.layers.top', /at most 3, .*received 4/);
});

test('the order of the items does not matter to the edit, and the receipts keep it', () => {
  const items = [
    { strength: 2 },
    { operation: 'ablate', positions: 'prompt' },
    { strength: 1, scale: 'raw', layers: [3] },
    { operation: 'amplify', strength: 0.5, positions: { last: 3 } },
  ];
  const { edit, receipts } = resolve(items);
  const reversed = resolve([...items].reverse());
  assert.equal(edit.length, 4, 'two sums, an ablation, and the amplification where it does not reach');
  assert.deepEqual(reversed.edit, edit);
  assert.deepEqual([...reversed.receipts].reverse(), receipts);
  assert.notDeepEqual(reversed.receipts, receipts);
});

test('what cannot be applied is an error that names the field', () => {
  const refused = (part: object | readonly object[], param: string, message: RegExp, concept = sea) =>
    assert.throws(
      () => resolve(part, concept),
      (error) => {
        assert.ok(error instanceof SteerdError);
        assert.equal(error.param, param);
        assert.match(error.message, message);
        return true;
      },
    );
  refused({ concept: 'see' }, 'concept', /"see" does not exist for model tiny; it has: sea/);
  refused([{}, { concept: 'see' }], 'steering.1.concept', /"see"/);
  refused({ layers: [4], scale: 'raw' }, 'steering.layers', /0 to 3 .*received 4/);
  refused({ layers: { from: 1, to: 1e9 }, scale: 'raw' }, 'steering.layers', /received 4/);
  refused({ layers: [0], scale: 'raw' }, 'steering.layers', /no?ne at this one; received 0/);
  refused({ layers: [3] }, 'steering.scale', /not calibrated.*received "calibrated"/);
  refused({ layers: 'all' }, 'steering.scale', /layer 3/);
  refused({ positions: { from: 64, to: 65 } }, 'steering.positions.from', /64 tokens; received 64/);
  const uncalibrated = { ...sea.calibration, coefficients: new Float32Array(L) };
  refused({}, 'steering.layers', /no calibration/, { ...sea, calibration: uncalibrated });
  refused({ scale: 'norm' }, 'steering.scale', /no residual norm/, {
    ...sea,
    residualNorms: new Float32Array(L),
  });
  const unread = { ...sea, readings: null };
  for (const operation of ['ablate', 'clamp', 'amplify']) {
    const missing = /operation .* needs to know .* POST \/v1\/concepts\/sea\/calibrate .* scale "raw"/;
    refused({ operation, strength: 1 }, 'steering.operation', missing, unread);
    resolve({ operation, strength: 1, scale: 'raw' }, unread);
  }
  refused({}, 'concept', /belongs to model other/, { ...sea, model: 'other' });
  refused({}, 'concept', /another export/, { ...sea, modelFingerprint: 'xyz' });
  refused({}, 'concept', /4 layers of width 3/, { ...sea, hiddenSize: 3 });
});
