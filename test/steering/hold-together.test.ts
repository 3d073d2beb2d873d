/** What several operations together promise, by the edit's own arithmetic in float64. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Concept, createConcept } from '../../src/concepts/concept.js';
import { encodedRows } from '../../src/concepts/message-directions.js';
import type { ActivationEdit } from '../../src/engine/protocol.js';
import { SteerdError } from '../../src/errors.js';
import { SteeringItem } from '../../src/schemas/steering.js';
import { resolveSteering } from '../../src/steering/resolve.js';
import { sampleFields, sampleReadings, seededRandom } from '../concepts/sample.js';

const L = 4;
const H = 16;
const random = seededRandom(11);

/** Directions with much in common, as concepts of one model have. */
function overlapping(name: string, common: number): Concept {
  const fields = sampleFields(name, { layers: L, hiddenSize: H, seed: name.length });
  const vectors = new Float32Array(L * H);
  for (let layer = 1; layer < L; layer++) {
    const row = Array.from({ length: H }, (_, i) => random() - 0.5 + (i === layer ? common : 0));
    const norm = Math.hypot(...row);
    vectors.set(
      row.map((value) => value / norm),
      layer * H,
    );
  }
  const shift = name.length;
  const base = sampleReadings(L);
  const moved = (values: readonly number[]) => values.map((value, layer) => (layer ? value + shift : 0));
  const readings = {
    ...base,
    neutral: { ...base.neutral, mean: moved(base.neutral.mean) },
    told: { ...base.told, mean: moved(base.told.mean) },
    clamp: { ...base.clamp, layers: [1, 2, 3] },
    // Ablated a little below neutral, by another distance for every concept.
    ablate: {
      level: moved(base.neutral.mean).map((value) => value - shift / 2),
      below: 0.2,
      fluency: 0.95,
      removed: 0.7,
      tried: [{ below: 0.2, fluency: 0.96 }],
    },
  };
  return createConcept({ ...fields, vectors, readings });
}

const concepts = new Map([
  ['a', overlapping('a', 2)],
  ['bb', overlapping('bb', 2)],
  ['ccc', overlapping('ccc', 2)],
]);
const [a, bb, ccc] = [...concepts.values()] as [Concept, Concept, Concept];

const resolve = (items: readonly object[], promptLength = 7) =>
  resolveSteering(
    items.map((item) => SteeringItem.parse(item)),
    {
      model: {
        id: 'tiny',
        shape: {
          layers: L,
          hiddenSize: H,
          heads: 1,
          vocabularySize: 10,
          capacity: 64,
          slots: 2,
          fingerprint: 'f'.repeat(64),
        },
      },
      concepts: {
        get: (_, name) => {
          const concept = concepts.get(name);
          return concept && { concept };
        },
        names: () => [...concepts.keys()],
      },
      promptLength,
    },
  );

const dot = (x: ArrayLike<number>, y: ArrayLike<number>) =>
  Array.from(x).reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
const row = (vectors: Float32Array, layer: number) => vectors.subarray(layer * H, (layer + 1) * H);

/** What the engine's graph computes: every term from the same h. */
function edited(h: Float64Array, edit: ActivationEdit, layer: number, position: number): Float64Array {
  const result = Float64Array.from(h);
  for (const { vectors, add, scale, from, to } of edit) {
    if (position < from || position >= to) continue;
    const v = row(vectors, layer);
    const coefficient = (add[layer] ?? 0) + (scale[layer] ?? 0) * dot(h, v);
    for (let i = 0; i < H; i++) result[i] = (result[i] ?? 0) + coefficient * (v[i] ?? 0);
  }
  return result;
}

const states = Array.from({ length: 5 }, () => Float64Array.from({ length: H }, () => 40 * (random() - 0.5)));
const projection = (h: ArrayLike<number>, { vectors }: Concept, layer: number) => dot(h, row(vectors, layer));
const neutral = ({ readings }: Concept, layer: number) => readings?.neutral.mean[layer] ?? Number.NaN;
/** What full ablation leaves. */
const level = ({ readings }: Concept, layer: number) => readings?.ablate?.level[layer] ?? Number.NaN;
const unit = ({ readings }: Concept, layer: number) => readings?.clamp.unit[layer] ?? Number.NaN;

/** Runs `check` with h before and after, at every layer edited and at one position. */
function each(
  items: readonly object[],
  check: (before: Float64Array, after: Float64Array, layer: number) => void,
  position = 1,
) {
  const { edit } = resolve(items);
  for (const h of states) {
    for (let layer = 1; layer < L; layer++) check(h, edited(h, edit, layer, position), layer);
  }
}

const near = (actual: number, expected: number, what: string) =>
  assert.ok(Math.abs(actual - expected) < 1e-3, `${what}: ${actual} is not ${expected}`);

const ablate = (concept: string, more: object = {}) => ({ concept, operation: 'ablate', ...more });
const clamp = (concept: string, strength: number, more: object = {}) => ({
  concept,
  operation: 'clamp',
  strength,
  ...more,
});
const amplify = (concept: string, strength: number, more: object = {}) => ({
  concept,
  operation: 'amplify',
  strength,
  ...more,
});

test('the concepts of these tests overlap', () => {
  const cosine = dot(row(a.vectors, 1), row(bb.vectors, 1));
  assert.ok(cosine > 0.4 && cosine < 0.99, `${cosine}`);
});

test('overlapping concepts ablated together leave none of them', () => {
  each([ablate('a'), ablate('bb'), ablate('ccc')], (_, h, layer) => {
    for (const concept of [a, bb, ccc])
      near(projection(h, concept, layer), level(concept, layer), concept.name);
  });
});

test('what holds several lands every one on its target', () => {
  each([clamp('a', 1), ablate('bb'), clamp('ccc', -2)], (_, h, layer) => {
    near(projection(h, a, layer), level(a, layer) + unit(a, layer), 'a');
    near(projection(h, bb, layer), level(bb, layer), 'bb');
    near(projection(h, ccc, layer), level(ccc, layer) - 2 * unit(ccc, layer), 'ccc');
  });
});

test('and changes no more than that takes: nothing orthogonal to their directions', () => {
  each([clamp('a', 1), ablate('bb')], (before, after, layer) => {
    const change = after.map((value, i) => value - (before[i] ?? 0));
    // The part of a third direction that is orthogonal to the two.
    const rest = Float64Array.from(row(ccc.vectors, layer));
    const first = Float64Array.from(row(a.vectors, layer));
    const second = Float64Array.from(row(bb.vectors, layer));
    const without = (x: Float64Array, y: Float64Array) =>
      x.map((value, i) => value - (dot(x, y) / dot(y, y)) * (y[i] ?? 0));
    const orthogonal = without(without(rest, first), without(second, first));
    near(dot(change, orthogonal), 0, 'orthogonal');
  });
});

test('shares: each projection goes its share of the way', () => {
  each([ablate('a', { strength: 0.5 }), ablate('bb', { strength: 0.5 })], (before, after, layer) => {
    for (const concept of [a, bb]) {
      const half = (projection(before, concept, layer) + level(concept, layer)) / 2;
      near(projection(after, concept, layer), half, concept.name);
    }
  });
  each([amplify('a', 3)], (before, after, layer) => {
    const distance = projection(before, a, layer) - neutral(a, layer);
    near(projection(after, a, layer), neutral(a, layer) + 3 * distance, 'a');
  });
});

test('lesser shares move what the greater left, and spoil nothing of it', () => {
  each([ablate('a'), amplify('bb', 2), ablate('ccc', { strength: 0.5 })], (before, after, layer) => {
    near(projection(after, a, layer), level(a, layer), 'a stays ablated');
    assert.ok(Math.abs(projection(after, bb, layer) - projection(before, bb, layer)) > 1e-3, 'bb moves');
  });
  // At rest everything stays at rest: what is ablated below neutral, what is amplified at neutral.
  const { edit } = resolve([ablate('a'), amplify('bb', 2), ablate('ccc', { strength: 0.5 })]);
  const still = edited(
    states[0] as Float64Array,
    resolve([ablate('a'), amplify('bb', 0), ablate('ccc')]).edit,
    2,
    1,
  );
  const moved = edited(still, edit, 2, 1);
  for (let i = 0; i < H; i++) near(moved[i] ?? 0, still[i] ?? 0, `coordinate ${i}`);
});

test('the same twice is the same once, to the bit', () => {
  for (const item of [ablate('a'), ablate('a', { strength: 0.3 }), clamp('a', 1), amplify('a', 2)]) {
    assert.deepEqual(resolve([item, item]).edit, resolve([item]).edit, JSON.stringify(item));
    const [first, second] = resolve([item, item]).receipts;
    assert.deepEqual(first, second);
  }
  assert.deepEqual(
    resolve([ablate('bb'), clamp('a', 0), ablate('a')]).edit,
    resolve([ablate('a'), ablate('bb')]).edit,
    'clamp 0 is ablate 1 among others too',
  );
});

test('what changes nothing is no term, whatever stands beside it', () => {
  for (const nothing of [amplify('bb', 1), ablate('bb', { strength: 0 }), { concept: 'bb', strength: 0 }]) {
    assert.deepEqual(resolve([nothing]).edit, []);
    assert.deepEqual(resolve([nothing, ablate('a')]).edit, resolve([ablate('a')]).edit);
  }
});

test('additions are sums beside them: they come on top of what is held', () => {
  const added = { concept: 'bb', strength: 3, scale: 'raw', layers: [1, 2, 3] };
  each([clamp('a', 1), added], (_, h, layer) => {
    const overlap = dot(row(a.vectors, layer), row(bb.vectors, layer));
    near(projection(h, a, layer), level(a, layer) + unit(a, layer) + 3 * overlap, 'a');
  });
});

test('the order of the items does not matter, to the bit', () => {
  const items = [
    ablate('a'),
    clamp('bb', 1.5, { positions: 'generated' }),
    ablate('ccc', { strength: 0.5, positions: { last: 3 } }),
    amplify('ccc', 2, { positions: { from: 0, to: 4 } }),
    { concept: 'a', strength: 0.5 },
    { concept: 'bb', strength: -0.5 },
  ];
  const { edit, receipts } = resolve(items);
  for (let turn = 0; turn < items.length; turn++) {
    const turned = <Item>(list: readonly Item[]) => [...list.slice(turn), ...list.slice(0, turn)];
    assert.deepEqual(resolve(turned(items)).edit, edit);
    assert.deepEqual(resolve(turned(items)).receipts, turned(receipts));
    assert.deepEqual(resolve(turned(items).reverse()).edit, edit);
  }
});

test('windows are cut, so that at each position those that are there work together', () => {
  const items = [ablate('a', { positions: 'prompt' }), ablate('bb', { positions: 'generated' })];
  const at = (position: number, concept: Concept, held: boolean) =>
    each(
      items,
      (before, after, layer) => {
        const expected = held ? level(concept, layer) : Number.NaN;
        if (held) near(projection(after, concept, layer), expected, `${concept.name} at ${position}`);
        else assert.ok(Math.abs(projection(after, concept, layer) - level(concept, layer)) > 1e-3);
        assert.notDeepEqual(after, before);
      },
      position,
    );
  // The prompt's last position, 6, chooses the first token of the answer.
  for (const position of [1, 5]) at(position, a, true);
  for (const position of [6, 7, 20]) at(position, bb, true);
  for (const position of [1, 5]) at(position, bb, false);
  for (const position of [6, 7, 20]) at(position, a, false);
  assert.deepEqual(
    resolve(items).edit.map(({ vectors }) => vectors),
    [a.vectors, bb.vectors],
    'apart no vectors are made',
  );
  // Where both are open they share.
  const both = [ablate('a', { positions: { from: 0, to: 7 } }), ablate('bb', { positions: 'generated' })];
  for (const concept of [a, bb])
    each(both, (_, h, layer) => near(projection(h, concept, layer), level(concept, layer), 'both'), 6);
  const everywhere = ['prompt', 'generated'].map((positions) => ablate('a', { positions }));
  assert.deepEqual(resolve(everywhere).edit, resolve([ablate('a')]).edit, 'prompt and generated are all');
});

test('a direction that lies within others gives way, and the receipt says where', () => {
  const near_ = Float32Array.from(a.vectors, (value, i) => (i < 3 * H ? value : (bb.vectors[i] ?? 0)));
  const twin = createConcept({ ...a, name: 'twin', vectors: near_, readings: a.readings });
  concepts.set('twin', twin);
  const { edit, receipts } = resolve([ablate('a'), ablate('twin')]);
  const given = receipts.filter(({ notes }) => notes !== undefined);
  assert.equal(given.length, 1);
  assert.deepEqual(given[0]?.layers, [3]);
  assert.match(given[0]?.notes?.[0] ?? '', /gives way at blocks 1, 2:/);
  for (const h of states) near(projection(edited(h, edit, 1, 1), a, 1), level(a, 1), 'held');
  const lesser = resolve([ablate('a'), amplify('a', 2)]).receipts[1];
  assert.deepEqual([lesser?.applied, lesser?.layers], [false, []]);
  concepts.delete('twin');
});

test('one direction at two values is refused', () => {
  const refused = (items: readonly object[], message: RegExp) =>
    assert.throws(
      () => resolve(items),
      (error) => error instanceof SteerdError && error.status === 400 && message.test(error.message),
    );
  const twoValues =
    /^steering\.[01]\.operation must be such that concept a is not held at two values: at block 1/;
  refused([clamp('a', 1), clamp('a', 2)], twoValues);
  refused([ablate('a'), clamp('a', 1)], twoValues);
  resolve([clamp('a', 1, { layers: [1] }), ablate('a', { layers: [2, 3] })]);
  resolve([clamp('a', 1, { positions: { from: 0, to: 4 } }), ablate('a', { positions: { from: 4, to: 9 } })]);
});

test('the same request makes its vectors once', () => {
  const items = [ablate('a'), ablate('bb')];
  const vectors = () => resolve(items).edit.map((term) => term.vectors);
  const [first, second] = [vectors(), vectors()];
  assert.ok(first.every((one, i) => one === second[i] && one.buffer instanceof SharedArrayBuffer));
});

test('rows that are unit only within half precision are held as exactly', () => {
  const loose = createConcept({ ...a, name: 'loose', vectors: a.vectors.map((value) => value * 1.0008) });
  concepts.set('loose', loose);
  each([clamp('loose', 1)], (_, h, layer) => {
    near(projection(h, loose, layer), level(loose, layer) + unit(loose, layer), 'loose');
  });
  concepts.delete('loose');
});

test('what calibration found beside a concept is held with it, in the same laws', () => {
  const turned = (from: Concept, by: Concept, layer: number) => {
    // At right angles to the concept, as calibration makes it.
    const [v, w] = [row(from.vectors, layer), row(by.vectors, layer)];
    const left = Array.from(w, (value, i) => value - dot(v, w) * (v[i] ?? 0));
    return Float32Array.from(left, (value) => value / Math.hypot(...left));
  };
  const pair = (name: string, from: Concept, by: Concept) => {
    const rows = new Map([1, 2].map((layer) => [layer, turned(from, by, layer)]));
    const positions = 'all' as const;
    const message = { vectors: encodedRows(rows), positions, level: [0, 3, -4, 0], unit: [0, 2, 5, 0] };
    const { readings } = from;
    assert.ok(readings?.ablate);
    const ablate = { ...readings.ablate, message };
    const made = createConcept({ ...from, name, readings: { ...readings, ablate } });
    concepts.set(name, made);
    return { made, rows, message };
  };
  const one = pair('one', a, ccc);
  const two = pair('two', bb, overlapping('dddd', 0.5));
  const along = (h: ArrayLike<number>, { rows }: typeof one, layer: number) => dot(h, rows.get(layer) ?? []);
  each([ablate('one'), ablate('two')], (_, h, layer) => {
    for (const { made, rows, message } of [one, two]) {
      near(projection(h, made, layer), level(made, layer), 'own');
      if (!rows.has(layer)) continue;
      near(along(h, { made, rows, message }, layer), message.level[layer] ?? 0, 'message');
    }
  });
  each([clamp('one', 2)], (_, h, layer) => {
    near(projection(h, a, layer), level(a, layer) + 2 * unit(a, layer), 'own');
    if (layer < 3)
      near(
        along(h, one, layer),
        (one.message.level[layer] ?? 0) + 2 * (one.message.unit[layer] ?? 0),
        'message',
      );
  });
  each([ablate('one', { strength: 0.5 })], (before, h, layer) => {
    if (layer < 3)
      near(along(h, one, layer), (along(before, one, layer) + (one.message.level[layer] ?? 0)) / 2, 'half');
  });
  assert.deepEqual(resolve([clamp('one', 0)]).edit, resolve([ablate('one')]).edit);
  assert.deepEqual(resolve([ablate('one'), ablate('one')]).edit, resolve([ablate('one')]).edit);
  assert.equal(resolve([amplify('one', 2)]).edit.length, 1, 'amplify moves the concept alone');
  assert.equal(resolve([{ ...ablate('one'), scale: 'raw' }]).edit.length, 1);
  assert.equal(resolve([ablate('one', { layers: [3] })]).edit.length, 1, 'nothing was found there');
  for (const name of ['one', 'two']) concepts.delete(name);
});

test('eight that hold the prompt and a message apart are few enough, in many windows too many', () => {
  const along = (from: Concept, layer: number) => {
    const v = row(from.vectors, layer);
    // Another axis for each of them.
    const axis = (layer + 2 * from.name.length) % H;
    const left = Array.from({ length: H }, (_, i) => (i === axis ? 1 : 0) - (v[axis] ?? 0) * (v[i] ?? 0));
    return Float32Array.from(left, (value) => value / Math.hypot(...left));
  };
  const names = Array.from({ length: 8 }, (_, i) => `h${'h'.repeat(i)}`);
  for (const name of names) concepts.set(name, overlapping(name, 0.5));
  assert.equal(resolve(names.map((name) => ablate(name))).edit.length, 8, 'those that hold it everywhere');
  for (const name of names) {
    const plain = concepts.get(name) as Concept;
    const { readings } = plain;
    assert.ok(readings?.ablate);
    const vectors = encodedRows(new Map([1, 2, 3].map((layer) => [layer, along(plain, layer)])));
    const message = { vectors, positions: 'prompt' as const, level: [0, 3, 2, 1], unit: [0, 0, 0, 0] };
    const further = {
      promptBelow: 0.5,
      promptLevel: readings.ablate.level.map((value) => value - 2),
      message,
    };
    concepts.set(
      name,
      createConcept({ ...plain, readings: { ...readings, ablate: { ...readings.ablate, ...further } } }),
    );
  }
  assert.equal(resolve(names.map((name) => ablate(name))).edit.length, 24);
  const windowed = names.map((name, i) => ablate(name, i === 0 ? { positions: { from: 3, to: 5 } } : {}));
  assert.ok(resolve(windowed).edit.length > 32);
  const nested = names.map((name, i) => ablate(name, { positions: { from: i, to: 40 - i } }));
  assert.throws(
    () => resolve(nested),
    /fewer different positions: .* come to \d+ terms of an edit \(limit 56\)/,
  );
  for (const name of names) concepts.delete(name);
});

test('a message that is held in the prompt alone leaves the answer to the concept, and clamp lets go of it', () => {
  const [v, w] = [row(a.vectors, 1), row(bb.vectors, 1)];
  const left = Array.from(w, (value, i) => value - dot(v, w) * (v[i] ?? 0));
  const along = Float32Array.from(left, (value) => value / Math.hypot(...left));
  const vectors = encodedRows(new Map([[1, along]]));
  const message = { vectors, positions: 'prompt' as const, level: [0, 3, 0, 0], unit: [0, 0, 0, 0] };
  const { readings } = a;
  assert.ok(readings?.ablate);
  concepts.set(
    'told',
    createConcept({ ...a, name: 'told', readings: { ...readings, ablate: { ...readings.ablate, message } } }),
  );
  const [prompt, firstGenerated] = [5, 6];
  const reads = (items: readonly object[], position: number, share: number) =>
    each(
      items,
      (before, h, layer) => {
        if (layer !== 1) return;
        near(projection(h, a, 1), level(a, 1) + (1 - share) * unit(a, 1), 'own');
        const held = position === prompt ? share : 0;
        near(dot(h, along), dot(before, along) * (1 - held) + 3 * held, 'message');
      },
      position,
    );
  for (const position of [prompt, firstGenerated]) {
    reads([ablate('told')], position, 1);
    reads([clamp('told', 0)], position, 1);
    reads([clamp('told', 0.25)], position, 0.75);
    reads([clamp('told', 1)], position, 0);
    each([clamp('told', -1)], (_, h, at) => at === 1 && near(dot(h, along), 3, 'below 0'), prompt);
  }
  assert.deepEqual(resolve([clamp('told', 0)]).edit, resolve([ablate('told')]).edit);
  assert.equal(resolve([clamp('told', 1)]).edit.length, 1);
  assert.equal(resolve([clamp('told', 2)]).edit.length, 1);
  assert.equal(resolve([ablate('told', { positions: 'generated' })]).edit.length, 1);
  assert.equal(
    resolve([ablate('told')], 1).edit.length,
    1,
    'a prompt of one token has none before the answer',
  );
  concepts.delete('told');
});

test('a level of the prompt is held there and nowhere else, and clamp rises from both to one', () => {
  const { readings } = a;
  const ablation = readings?.ablate;
  assert.ok(ablation);
  const promptLevel = ablation.level.map((value, layer) => (layer ? value - 3 * layer : 0));
  const deeper = (from: Concept, name: string) =>
    concepts.set(
      name,
      createConcept({
        ...from,
        name,
        readings: { ...readings, ablate: { ...ablation, promptBelow: 0.5, promptLevel } },
      }),
    );
  deeper(a, 'deep');
  deeper(bb, 'other');
  const made = concepts.get('deep') as Concept;
  const other = concepts.get('other') as Concept;
  const [prompt, firstGenerated] = [5, 6];
  const lowest = (layer: number, position: number) =>
    position === prompt ? (promptLevel[layer] ?? 0) : level(made, layer);
  const lands = (items: readonly object[], strength: number) => {
    for (const position of [prompt, firstGenerated])
      each(
        items,
        (_, h, layer) => {
          const [usual, low] = [level(made, layer), lowest(layer, position)];
          const deeper = (1 - Math.min(1, Math.max(0, strength))) * (usual - low);
          const expected = usual + strength * unit(made, layer) - deeper;
          near(projection(h, made, layer), expected, `${strength} at ${position}`);
        },
        position,
      );
  };
  for (const strength of [0, 0.25, 0.5, 1, 2, -1]) lands([clamp('deep', strength)], strength);
  lands([ablate('deep')], 0);
  for (const position of [prompt, firstGenerated]) {
    each(
      [ablate('deep', { strength: 0.5 })],
      (before, h, layer) =>
        near(
          projection(h, made, layer),
          (projection(before, made, layer) + lowest(layer, position)) / 2,
          'half',
        ),
      position,
    );
    each(
      [ablate('deep'), ablate('other')],
      (_, h, layer) => {
        for (const one of [made, other]) near(projection(h, one, layer), lowest(layer, position), 'both');
      },
      position,
    );
  }
  assert.deepEqual(resolve([clamp('deep', 0)]).edit, resolve([ablate('deep')]).edit);
  assert.deepEqual(resolve([ablate('deep'), ablate('deep')]).edit, resolve([ablate('deep')]).edit);
  const [receipt] = resolve([ablate('deep')]).receipts;
  assert.deepEqual([receipt?.layers, receipt?.calibrated, receipt?.applied], [[1, 2, 3], true, true]);
  const levels = (from: (layer: number) => number) =>
    [1, 2, 3].map((layer) => Number(from(layer).toPrecision(7)));
  const inAnswer = levels((layer) => level(made, layer));
  const inPrompt = levels((layer) => promptLevel[layer] ?? 0);
  assert.deepEqual([receipt?.ablated?.level, receipt?.in_prompt], [inAnswer, inPrompt]);
  const half = resolve([clamp('deep', 0.5)]).receipts[0];
  const halfway = levels((layer) => level(made, layer) + unit(made, layer) / 2);
  const halfwayInPrompt = levels(
    (layer) => ((promptLevel[layer] ?? 0) + level(made, layer) + unit(made, layer)) / 2,
  );
  assert.deepEqual([half?.coefficients, half?.in_prompt], [halfway, halfwayInPrompt]);
  for (const [positions, said] of [
    ['prompt', inPrompt],
    ['generated', inAnswer],
  ] as const) {
    const { edit, receipts } = resolve([ablate('deep', { positions })]);
    assert.equal(edit.length, 1);
    assert.deepEqual([receipts[0]?.layers, receipts[0]?.ablated?.level], [[1, 2, 3], said]);
    assert.equal(receipts[0]?.in_prompt, undefined);
  }
  // A window over the prompt's end has both levels within it and nothing outside.
  const { edit } = resolve([ablate('deep', { positions: { from: 4, to: 8 } })]);
  assert.deepEqual(
    edit.map(({ from, to }) => [from, to]),
    [
      [4, 6],
      [6, 8],
    ],
  );
  for (const name of ['deep', 'other']) concepts.delete(name);
});

test('the first position, an attention sink, is left alone by what is centred and not by the rest', () => {
  const h = states[0] as Float64Array;
  const held = resolve([ablate('a'), clamp('bb', 1)]).edit;
  assert.deepEqual(edited(h, held, 1, 0), h);
  assert.notDeepEqual(edited(h, held, 1, 1), h);
  const raw = resolve([{ concept: 'a', operation: 'ablate', scale: 'raw' }]).edit;
  near(projection(edited(h, raw, 1, 0), a, 1), 0, 'raw');
});
