/** What several items of one request come to together: overlaps, shared parts taken out, one budget. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Concept, createConcept } from '../../src/concepts/concept.js';
import type { EditTerm } from '../../src/engine/protocol.js';
import { SteerdError } from '../../src/errors.js';
import { SteeringItem } from '../../src/schemas/steering.js';
import { resolveSteering } from '../../src/steering/resolve.js';
import { sampleConcept, sampleFields } from '../concepts/sample.js';

const L = 4;
const H = 8;

/** At blocks 1 to 3 along one axis of the stream, or along a slanted direction; strength 1 is 2 % of the norm. */
function axis(name: string, direction: readonly number[], share = 0.02): Concept {
  const length = Math.hypot(...direction);
  const vectors = new Float32Array(L * H);
  for (let layer = 1; layer < L; layer++)
    vectors.set(
      direction.map((x) => x / length),
      layer * H,
    );
  const residualNorms = Float32Array.of(1, 10, 20, 40);
  const coefficients = residualNorms.map((norm, layer) => (layer === 0 ? 0 : share * norm));
  return createConcept({
    ...sampleFields(name, { layers: L, hiddenSize: H }),
    vectors,
    residualNorms,
    calibration: { method: 'test', coefficients, negativeRatio: 1, details: {} },
  });
}

const known = [
  axis('x', [1]),
  axis('y', [0, 1]),
  axis('slanted', [0.8, 0.6]),
  axis('opposed', [-0.8, 0.6]),
  sampleConcept('a', { seed: 1 }),
  sampleConcept('b', { seed: 2 }),
  sampleConcept('c', { seed: 3 }),
];

interface Joint {
  readonly budget?: boolean | number;
  readonly concepts?: readonly Concept[];
}

const resolve = (parts: readonly object[], joint: Joint = {}) =>
  resolveItems(
    parts.map((part) => SteeringItem.parse(part)),
    joint,
  );

function resolveItems(items: readonly SteeringItem[], { budget, concepts = known }: Joint = {}) {
  const shape = { layers: L, hiddenSize: H, heads: 1, vocabularySize: 10, capacity: 64, slots: 2 };
  return resolveSteering(items, {
    model: { id: 'tiny', shape: { ...shape, fingerprint: 'f'.repeat(64) } },
    concepts: {
      get(_, name) {
        const concept = concepts.find((one) => one.name === name);
        return concept && { concept };
      },
      names: () => concepts.map(({ name }) => name),
    },
    promptLength: 7,
    ...(budget !== undefined && { budget }),
  });
}

const factorOf = (parts: readonly object[], joint?: Joint) =>
  resolve(parts, joint).receipts[0]?.budget?.factor;

/** Mean over blocks 1 to 3 of the length of what the terms add at a position, over the stream's norm. */
function pushAt(edit: readonly EditTerm[], norms: Float32Array, position = 0): number {
  let total = 0;
  for (let layer = 1; layer < L; layer++) {
    const sum = new Float64Array(H);
    for (const { vectors, add, from, to } of edit) {
      if (position < from || position >= to) continue;
      for (let i = 0; i < H; i++) sum[i] = (sum[i] ?? 0) + (add[layer] ?? 0) * (vectors[layer * H + i] ?? 0);
    }
    total += Math.hypot(...sum) / (norms[layer] ?? 0);
  }
  return total / (L - 1);
}

const near = (actual: number | null | undefined, expected: number, tolerance = 1e-6) =>
  assert.ok(
    typeof actual === 'number' && Math.abs(actual - expected) <= tolerance,
    `${actual} is not ${expected}`,
  );

test('one item is what it was: no budget, no overlap, the same numbers', () => {
  for (const part of [
    { concept: 'a' },
    { concept: 'a', strength: 7 },
    { concept: 'a', orthogonalize: true },
  ]) {
    const one = resolve([part]);
    const plain = resolve([{ ...part, orthogonalize: false }], { budget: false });
    assert.deepEqual(one.edit, plain.edit);
    assert.equal(one.edit[0]?.vectors, known[4]?.vectors, 'not even copied');
    assert.deepEqual([one.receipts[0]?.budget, one.receipts[0]?.overlaps], [undefined, undefined]);
  }
});

test('two unrelated concepts at strength 1 push as far together as one alone', () => {
  const { edit, receipts } = resolve([{ concept: 'x' }, { concept: 'y' }]);
  const norms = known[0]?.residualNorms ?? new Float32Array();
  near(pushAt(edit, norms), 0.02);
  for (const { budget, coefficients } of receipts) {
    near(budget?.factor, Math.SQRT1_2);
    near(budget?.allowed, 0.02);
    near(budget?.asked, 0.02 * Math.SQRT2);
    near(coefficients[0], 0.2 * Math.SQRT1_2);
  }
});

test('what keeps to the budget is the plain sum, to the bit; so is everything without one', () => {
  for (const parts of [
    [
      { concept: 'x', strength: 0.7 },
      { concept: 'y', strength: 0.7 },
    ],
    [
      { concept: 'x', strength: 0.5 },
      { concept: 'x', strength: 0.5, positions: { from: 0, to: 99 } },
    ],
    [
      { concept: 'x', positions: 'prompt' },
      { concept: 'y', positions: 'generated' },
    ],
    [{ concept: 'x' }, { concept: 'y', strength: 0 }],
    [{ concept: 'x' }, { concept: 'x', strength: -1 }],
    [{ concept: 'x' }, { concept: 'y', operation: 'ablate', scale: 'raw' }],
    [{ concept: 'x' }, { concept: 'y', operation: 'clamp', scale: 'raw', strength: 3 }],
    [{ concept: 'x' }, { concept: 'y', strength: 1, scale: 'raw' }],
  ]) {
    const { edit, receipts } = resolve(parts);
    assert.deepEqual(edit, resolve(parts, { budget: false }).edit, JSON.stringify(parts));
    for (const { budget } of receipts) assert.ok(budget === undefined || budget.factor === 1);
  }
  const over = [{ concept: 'a' }, { concept: 'b', strength: 3 }, { concept: 'c', strength: -2 }];
  const { edit, receipts } = resolve(over, { budget: false });
  const singles = over.flatMap((part) => resolve([part]).edit);
  assert.equal(edit.length, 3);
  for (const term of edit)
    assert.ok(singles.some(({ add, vectors }) => vectors === term.vectors && equal(add, term.add)));
  for (const receipt of receipts) assert.ok(!('budget' in receipt));
  assert.notDeepEqual(resolve(over).edit, edit, 'with one it is not');
});

const equal = (a: Float32Array, b: Float32Array) => a.every((value, i) => value === b[i]);

test('the sum never passes what one item may alone, and all items shrink alike', () => {
  const norms = known[4]?.residualNorms ?? new Float32Array();
  for (const strengths of [
    [1, 1, 1],
    [0.4, 2, -3],
    [-1, -1, -1],
    [5, 0.1, 0.1],
  ]) {
    const parts = strengths.map((strength, i) => ({ concept: 'abc'[i] ?? '', strength }));
    const { edit, receipts } = resolve(parts);
    const allowed = Math.max(
      ...parts.map(({ concept, strength }) => {
        const most = Math.sign(strength) * Math.max(1, Math.abs(strength));
        return pushAt(resolve([{ concept, strength: most }]).edit, norms);
      }),
    );
    near(receipts[0]?.budget?.allowed, allowed);
    const asked = pushAt(resolve(parts, { budget: false }).edit, norms);
    near(receipts[0]?.budget?.asked, asked);
    near(pushAt(edit, norms), Math.min(asked, allowed));
    const plain = resolve(parts, { budget: false }).receipts;
    for (const [i, { coefficients, budget }] of receipts.entries()) {
      coefficients.forEach((coefficient, k) => {
        near(coefficient, (budget?.factor ?? 9) * (plain[i]?.coefficients[k] ?? 0));
      });
    }
  }
});

test('it holds at every position: where windows meet, and where what was against another ends', () => {
  near(
    factorOf([
      { concept: 'x', positions: { from: 0, to: 9 } },
      { concept: 'y', positions: 'generated' },
    ]),
    Math.SQRT1_2,
  );
  const against = [{ concept: 'x' }, { concept: 'y' }, { concept: 'y', strength: -1, positions: 'prompt' }];
  near(factorOf(against), Math.SQRT1_2);
  const { edit } = resolve(against);
  for (const position of [0, 6, 7, 60]) {
    assert.ok(pushAt(edit, known[0]?.residualNorms ?? new Float32Array(), position) <= 0.02 * (1 + 1e-6));
  }
});

test('neither the order of the items nor the unit of the stream matters', () => {
  const parts = [
    { concept: 'a' },
    { concept: 'b', strength: -2 },
    { concept: 'slanted', strength: 0.5, layers: [1, 3] },
    { concept: 'c', operation: 'ablate', scale: 'raw' },
  ];
  const { edit, receipts } = resolve(parts);
  const reversed = resolve([...parts].reverse());
  assert.deepEqual(reversed.edit, edit);
  assert.deepEqual([...reversed.receipts].reverse(), receipts);
  // A power of two, so that float32 scales exactly.
  const scaled = known.map((concept) => ({
    ...concept,
    residualNorms: concept.residualNorms.map((norm) => 4 * norm),
    calibration: {
      ...concept.calibration,
      coefficients: concept.calibration.coefficients.map((coefficient) => 4 * coefficient),
    },
  }));
  near(factorOf(parts, { concepts: scaled }), receipts[0]?.budget?.factor ?? 9, 1e-12);
});

test('a number limits every addition, a lone one too, and raises nothing', () => {
  const norms = known[0]?.residualNorms ?? new Float32Array();
  const parts = [{ concept: 'x' }, { concept: 'y', strength: 0.5, scale: 'norm' }];
  for (const items of [parts, parts.slice(0, 1), parts.slice(1)]) {
    const { edit, receipts } = resolve(items, { budget: 0.01 });
    near(pushAt(edit, norms), 0.01);
    for (const { budget } of receipts) near(budget?.allowed, 0.01);
  }
  assert.equal(factorOf(parts, { budget: 0.9 }), 1);
});

test('concepts that do not know the norm are compared by length, and cannot be held to a share', () => {
  const concepts = known.map((concept) => ({ ...concept, residualNorms: new Float32Array(L) }));
  const parts = [{ concept: 'x' }, { concept: 'y' }];
  const { factor, ...shares } = resolve(parts, { concepts }).receipts[0]?.budget ?? {};
  near(factor, Math.SQRT1_2);
  assert.deepEqual(shares, { asked: null, allowed: null });
  assert.throws(
    () => resolve(parts, { concepts, budget: 0.01 }),
    (error) => error instanceof SteerdError && error.param === 'steering.budget',
  );
});

test('overlaps above one half are named on both sides, by the directions and not by the strengths', () => {
  const { receipts } = resolve([
    { concept: 'x', strength: -1 },
    { concept: 'slanted' },
    { concept: 'y' },
    { concept: 'opposed', operation: 'ablate', scale: 'raw' },
  ]);
  const told = receipts.map(({ overlaps = [] }) =>
    overlaps.map(({ concept, cosine }) => [concept, Math.round(cosine * 1e6) / 1e6]),
  );
  assert.deepEqual(told, [
    [
      ['opposed', -0.8],
      ['slanted', 0.8],
    ],
    [
      ['x', 0.8],
      ['y', 0.6],
    ],
    [
      ['opposed', 0.6],
      ['slanted', 0.6],
    ],
    [
      ['x', -0.8],
      ['y', 0.6],
    ],
  ]);
});

test('items that never act at the same place do not overlap', () => {
  for (const parts of [
    [{ layers: [1] }, { layers: [2, 3] }],
    [{ positions: 'prompt' }, { positions: 'generated' }],
    [{ strength: 0 }, {}],
  ]) {
    const { receipts } = resolve(parts.map((part) => ({ concept: 'x', ...part })));
    for (const receipt of receipts) assert.ok(!('overlaps' in receipt), JSON.stringify(parts));
  }
});

test('an orthogonalised item is at right angles to all items before it, smaller by what is gone', () => {
  const parts = [{ concept: 'a' }, { concept: 'b' }, { concept: 'c', orthogonalize: true }];
  const { edit, receipts } = resolve(parts, { budget: false });
  const own = edit.find(({ vectors }) => !known.some((concept) => concept.vectors === vectors));
  assert.ok(own && own.vectors.buffer instanceof SharedArrayBuffer);
  const [, , , , a, b, c] = known;
  let shares = 0;
  for (let layer = 1; layer < L; layer++) {
    const row = (vectors: Float32Array | undefined) => [...(vectors ?? []).slice(layer * H, (layer + 1) * H)];
    const cosine = (other: Float32Array | undefined) =>
      row(other).reduce((sum, value, i) => sum + value * (row(own.vectors)[i] ?? 0), 0);
    near(cosine(own.vectors), 1);
    near(cosine(a?.vectors), 0);
    near(cosine(b?.vectors), 0);
    const coefficient = c?.calibration.coefficients[layer] ?? 0;
    near(own.add[layer], coefficient * cosine(c?.vectors));
    shares += Math.sqrt(1 - cosine(c?.vectors) ** 2);
  }
  assert.deepEqual(receipts[2]?.orthogonalized?.to, ['a', 'b']);
  near(receipts[2]?.orthogonalized?.taken_out, shares / 3, 1e-5);
  assert.ok(!('orthogonalized' in (receipts[0] ?? {})));
});

test('what comes before is all that counts, and what adds nothing there does not come before', () => {
  const flagged = { concept: 'slanted', orthogonalize: true };
  const told = (parts: readonly object[], index: number) => resolve(parts).receipts[index]?.orthogonalized;
  assert.deepEqual(told([flagged, { concept: 'x' }], 0), { to: [], taken_out: 0 });
  near(told([{ concept: 'x' }, flagged], 1)?.taken_out, 0.8);
  for (const other of [
    { concept: 'x', strength: 0 },
    { concept: 'x', operation: 'ablate', scale: 'raw' },
    { concept: 'x', layers: [1] },
  ]) {
    assert.deepEqual(told([other, { ...flagged, layers: [2, 3] }], 1), { to: [], taken_out: 0 });
  }
  const partly = resolve([{ concept: 'x', layers: [1] }, flagged], { budget: false }).receipts[1];
  [0.6 * 0.2, 0.4, 0.8].forEach((coefficient, i) => {
    near(partly?.coefficients[i], coefficient);
  });
});

test('the same direction again comes to nothing, and overlaps are gone with the shared part', () => {
  const again = resolve([{ concept: 'x' }, { concept: 'x', strength: 3, orthogonalize: true }]);
  assert.equal(again.edit.length, 1);
  assert.deepEqual(again.edit, resolve([{ concept: 'x' }]).edit);
  assert.deepEqual([again.receipts[1]?.layers, again.receipts[1]?.orthogonalized?.taken_out], [[], 1]);
  const apart = resolve([{ concept: 'x' }, { concept: 'slanted', orthogonalize: true }]);
  for (const receipt of apart.receipts) assert.ok(!('overlaps' in receipt));
});

test('an item that acts at other positions takes nothing from one that is orthogonalized', () => {
  const flagged = { concept: 'x', positions: 'generated', orthogonalize: true };
  const orthogonalized = (parts: readonly object[]) => resolve(parts).receipts.at(-1)?.orthogonalized;
  const apart = [{ concept: 'x', positions: 'prompt' }, flagged];
  assert.deepEqual(orthogonalized(apart), { to: [], taken_out: 0 });
  const { edit } = resolve(apart, { budget: false });
  assert.deepEqual(
    new Set(edit),
    new Set(resolve([apart[0] ?? {}, { ...flagged, orthogonalize: false }], { budget: false }).edit),
  );
  for (const positions of ['all', 'generated']) {
    assert.deepEqual(orthogonalized([{ concept: 'x', positions }, flagged]), { to: ['x'], taken_out: 1 });
  }
});

test('one item has one part for all prompts of its request, and another beside other items', () => {
  const item = SteeringItem.parse({ concept: 'slanted', orthogonalize: true });
  const beside = (concept: string) => {
    const { edit } = resolveItems([SteeringItem.parse({ concept }), item]);
    return edit.find(({ vectors }) => !known.some((one) => one.vectors === vectors))?.vectors;
  };
  const first = beside('x');
  assert.ok(first);
  assert.equal(beside('x'), first, 'the same memory');
  assert.notDeepEqual(beside('a'), first);
  assert.deepEqual(beside('x'), first);
});
