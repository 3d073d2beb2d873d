import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Concept } from '../../src/concepts/concept.js';
import type { EditTerm, ModelShape } from '../../src/engine/protocol.js';
import { SteerdError } from '../../src/errors.js';
import { SteeringItem } from '../../src/schemas/steering.js';
import { resolveSteering } from '../../src/steering/resolve.js';

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
};

function resolve(parts: object | readonly object[], concept: Concept = sea, promptLength = 7) {
  const items = [parts].flat().map((part) => SteeringItem.parse({ concept: 'sea', ...part }));
  return resolveSteering(items, {
    model: { id: 'tiny', shape },
    concepts: {
      get: (_, name) => (name === 'sea' ? { concept } : undefined),
      names: () => ['sea'],
    },
    promptLength,
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

test('one formula gives ablate, clamp and amplify', () => {
  const none = [0, 0, 0, 0];
  assert.deepEqual(coefficients({ operation: 'ablate' }), [none, [0, -1, -1, 0]]);
  assert.deepEqual(coefficients({ operation: 'ablate', strength: 0.5 }), [none, [0, -0.5, -0.5, 0]]);
  assert.deepEqual(coefficients({ operation: 'clamp', strength: 4 }), [
    [0, 2, 1, 0],
    [0, -1, -1, 0],
  ]);
  assert.deepEqual(coefficients({ operation: 'clamp', strength: 0 }), [none, [0, -1, -1, 0]]);
  assert.deepEqual(coefficients({ operation: 'amplify', strength: 3 }), [none, [0, 2, 2, 0]]);
  assert.deepEqual(coefficients({ operation: 'amplify', strength: 0 }), [none, [0, -1, -1, 0]]);
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
  assert.deepEqual(window('prompt'), [0, 7]);
  assert.deepEqual(window('generated'), [7, end]);
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
  assert.equal(edit[0]?.vectors, sea.vectors);
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
      calibrated: true,
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
      positions: { last: 2 },
      calibrated: false,
    },
  ]);
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
    { operation: 'clamp', strength: 0.5, positions: { last: 3 } },
  ];
  const { edit, receipts } = resolve(items);
  const reversed = resolve([...items].reverse());
  assert.equal(edit.length, 4);
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
  refused({}, 'concept', /belongs to model other/, { ...sea, model: 'other' });
  refused({}, 'concept', /another export/, { ...sea, modelFingerprint: 'xyz' });
  refused({}, 'concept', /4 layers of width 3/, { ...sea, hiddenSize: 3 });
});
