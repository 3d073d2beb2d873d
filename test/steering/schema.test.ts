import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { SteerdError } from '../../src/errors.js';
import { FitRequest } from '../../src/schemas/fits.js';
import { MonitorFields } from '../../src/schemas/monitor.js';
import { SteeringFields, SteeringItem } from '../../src/schemas/steering.js';
import { SteeringReceipt } from '../../src/schemas/steering-receipt.js';
import { askedSteering } from '../../src/steering/asked-steering.js';

const Body = z.object(SteeringFields);
const items = (body: unknown) => askedSteering(Body.parse(body)).alternatives[0]?.items ?? [];

/** The first fault of a body, as `path: message`. */
function fault(schema: z.ZodType, value: unknown): string {
  const parsed = schema.safeParse(value);
  assert.ok(!parsed.success, `${JSON.stringify(value)} was accepted`);
  const [issue] = parsed.error.issues;
  return `${issue?.path.join('.')}: ${issue?.message}`;
}

test('three ways to steer are one', () => {
  const expected = [
    {
      concept: 'sea',
      strength: 0.8,
      scale: 'calibrated',
      operation: 'add',
      layers: 'default',
      positions: 'all',
    },
  ];
  assert.deepEqual(items({ concept: 'sea', strength: 0.8 }), expected);
  assert.deepEqual(items({ steering: { concept: 'sea', strength: 0.8 } }), expected);
  assert.deepEqual(items({ steering: [{ concept: 'sea', strength: 0.8 }] }), expected);
  assert.equal(items({ concept: 'sea' })[0]?.strength, 1);
  assert.deepEqual(items({}), []);
  assert.deepEqual(items({ steering: [] }), []);
  assert.deepEqual(items({ steering: null }), []);
  assert.deepEqual(items({ concept: 'sea', strength: 0.8, steering: null }), expected);
});

test('a strength alone and a concept said twice are errors', () => {
  const refused = (body: unknown, param: string) =>
    assert.throws(
      () => items(body),
      (error) => error instanceof SteerdError && error.param === param,
    );
  refused({ strength: 1 }, 'strength');
  refused({ strength: 1, steering: { concept: 'sea' } }, 'strength');
  refused({ concept: 'sea', steering: { concept: 'sea' } }, 'concept');
});

test('strength is bounded by its scale, at the field that holds it', () => {
  assert.match(
    fault(Body, { concept: 'sea', strength: 1e9 }),
    /^strength: must be a number from -100 to 100/,
  );
  for (const strength of [Number.NaN, Number.POSITIVE_INFINITY, '1']) {
    assert.match(fault(Body, { concept: 'sea', strength }), /^strength: must be a finite number/);
    assert.match(
      fault(Body, { steering: [{ concept: 'sea', strength }] }),
      /^steering\.0\.strength: must be a finite number/,
    );
  }
  assert.deepEqual(items({ concept: 'sea', strength: null }), items({ concept: 'sea' }), 'null is not given');
  const limits = { calibrated: 100, raw: 1000, norm: 10 };
  for (const [scale, limit] of Object.entries(limits)) {
    for (const sign of [1, -1]) {
      SteeringItem.parse({ concept: 'sea', scale, strength: sign * limit });
      assert.match(
        fault(Body, { steering: { concept: 'sea', scale, strength: sign * limit * 1.01 } }),
        new RegExp(`^steering\\.strength: must be a number from -${limit} to ${limit} with scale "${scale}"`),
      );
    }
  }
});

test('ablate takes a share and amplify a factor that is given', () => {
  assert.equal(SteeringItem.parse({ concept: 'sea', operation: 'ablate' }).strength, 1);
  assert.match(
    fault(Body, { steering: { concept: 'sea', operation: 'ablate', strength: 2 } }),
    /steering\.strength: .*from 0 to 1/,
  );
  assert.match(
    fault(Body, { steering: { concept: 'sea', operation: 'amplify' } }),
    /steering\.strength: must be given/,
  );
});

test('an unknown key is refused with the key that was meant', () => {
  assert.equal(
    fault(Body, { steering: { concept: 'sea', strenght: 2 } }),
    'steering: steering has no field "strenght"; did you mean "strength"?',
  );
  assert.match(fault(Body, { steering: [{ concept: 'sea', layer: [3] }] }), /^steering\.0: .*"layers"\?/);
  assert.match(
    fault(Body, { steering: { concept: 'sea', zzzzzz: 2 } }),
    /it has: concept, strength, scale, operation, layers, positions/,
  );
  assert.match(fault(Body, { steering: { concept: 'sea', layers: { form: 1, to: 2 } } }), /"from"/);
  assert.match(fault(FitRequest, { name: 'sea', prefix: 'x', sead: 1 }), /"seed"/);
});

test('items may come as a set, which says what holds for all of them, among alternatives too', () => {
  const sets = (steering: unknown) => askedSteering(Body.parse({ steering })).alternatives;
  const sea = { concept: 'sea' };
  const [plain] = sets([sea]);
  assert.deepEqual(sets({ items: [sea] }), [{ ...plain, list: 'items', suspend: [] }]);
  assert.deepEqual(sets({ choices: [null, [sea], { items: [sea], budget: false }] }), [
    { items: [], budget: true },
    plain,
    { items: plain?.items, budget: false, list: 'items', suspend: [] },
  ]);
  for (const budget of [true, false, 0.02, 1]) assert.equal(sets({ items: [], budget })[0]?.budget, budget);
  const flags = (orthogonalize: boolean | undefined) =>
    sets({
      items: [sea, { ...sea, orthogonalize: false }, { ...sea, operation: 'ablate' }],
      ...(orthogonalize !== undefined && { orthogonalize }),
    })[0]?.items.map((item) => item.orthogonalize ?? false);
  assert.deepEqual(flags(true), [true, false, false]);
  assert.deepEqual([flags(false), flags(undefined)], Array(2).fill([false, false, false]));

  for (const [steering, message] of [
    [{ items: [sea], budget: 0 }, /^steering\.budget: must be true, false or a share/],
    [{ items: [sea], budget: 1.5 }, /^steering\.budget: must be true, false or a share/],
    [{ items: [sea], budget: 'none' }, /^steering\.budget: must be true, false or a share/],
    [{ items: [sea], bugdet: 1 }, /^steering: steering has no field "bugdet"; did you mean "budget"\?/],
    [{ items: sea }, /^steering\.items: must be/],
    [{ items: [sea, { concept: 7 }] }, /^steering\.items\.1\.concept: must be a concept's name/],
    [{ items: Array(9).fill(sea) }, /^steering\.items: must have at most 8 items/],
    [{ choices: [{ items: [sea], budget: -1 }] }, /^steering\.choices\.0\.budget: must be true, false/],
    [{ ...sea, orthogonalize: 1 }, /^steering\.orthogonalize: must be true or false/],
    [
      { ...sea, operation: 'clamp', orthogonalize: true },
      /^steering\.orthogonalize: must be left out with operation "clamp"/,
    ],
  ] as const) {
    assert.match(fault(Body, { steering }), message);
  }
});

test('layers and positions accept their forms and nothing else', () => {
  const item = (part: object) => ({ concept: 'sea', ...part });
  for (const layers of ['default', 'all', [0, 5], { from: 2, to: 2 }, { top: 3 }]) {
    assert.deepEqual(SteeringItem.parse(item({ layers })).layers, layers);
  }
  for (const positions of ['all', 'prompt', 'generated', { from: 0, to: 3 }, { last: 4 }]) {
    assert.deepEqual(SteeringItem.parse(item({ positions })).positions, positions);
  }
  for (const layers of [
    'some',
    7,
    [],
    [-1],
    [1.5],
    ['1'],
    { from: 3, to: 2 },
    { from: 1 },
    { top: 0 },
    { top: 1.5 },
    { top: 2, from: 1 },
    null,
  ]) {
    assert.match(fault(SteeringItem, item({ layers })), /^layers/, JSON.stringify(layers));
  }
  for (const positions of ['some', 3, [1], { from: 2, to: 2 }, { from: -1, to: 2 }, { last: 0 }, null]) {
    assert.match(fault(SteeringItem, item({ positions })), /^positions/, JSON.stringify(positions));
  }
  assert.match(fault(SteeringItem, item({ scale: 'x' })), /^scale: must be "calibrated"/);
  assert.match(fault(SteeringItem, item({ operation: 'x' })), /^operation: must be "add"/);
  assert.match(
    fault(Body, { steering: Array.from({ length: 9 }, () => ({ concept: 'sea' })) }),
    /^steering: must have at most 8 items/,
  );
  assert.match(fault(Body, { steering: 'sea' }), /^steering: must be an object with a concept/);
});

test('the OpenAPI side has both forms of steering', () => {
  const schema = JSON.parse(JSON.stringify(z.toJSONSchema(Body, { io: 'input' })));
  assert.deepEqual(schema.required ?? [], []);
  const [one, list, , , inline] = schema.properties.steering.anyOf;
  assert.deepEqual(inline.required, ['vectors']);
  assert.equal(one.additionalProperties, false);
  assert.deepEqual(one.required, ['concept']);
  assert.equal(one.properties.strength.default, 1);
  const forms = one.properties.layers.anyOf.filter(({ type }: { type?: string }) => type !== 'null');
  assert.equal(forms.length, 4, 'beside null, which means not given');
  assert.equal(list.maxItems, 8);
  for (const schema of [FitRequest, SteeringReceipt]) assert.ok(z.toJSONSchema(schema, { io: 'input' }));
});

test('concepts to monitor are names or objects, and a misspelt key is refused', () => {
  const Monitored = z.object(MonitorFields);
  // The scale depends on the concept.
  const whole = { concept: 'sea', layers: 'default', detail: 'mean' };
  assert.deepEqual(Monitored.parse({ monitor: ['sea', { concept: 'sea' }] }).monitor, [whole, whole]);
  assert.deepEqual(
    Monitored.parse({ monitor: [{ concept: 'sea', layers: { top: 2 }, scale: 'raw', detail: 'layers' }] })
      .monitor,
    [{ concept: 'sea', layers: { top: 2 }, scale: 'raw', detail: 'layers' }],
  );
  assert.deepEqual(Monitored.parse({ monitor: [] }).monitor, []);
  assert.equal(Monitored.parse({ monitor: null }).monitor, null);
  for (const [monitor, message] of [
    ['sea', /^monitor: must be a list/],
    [[''], /^monitor\.0: must be a concept's name/],
    [['sea', 7], /^monitor\.1: must be a concept's name/],
    [[null], /^monitor\.0: must be a concept's name/],
    [[{}], /^monitor\.0\.concept: must be a concept's name/],
    [[{ concept: 'sea', layer: 3 }], /^monitor\.0: monitor has no field "layer"; did you mean "layers"\?/],
    [[{ concept: 'sea', strength: 1 }], /^monitor\.0: monitor has no field "strength"/],
    [[{ concept: 'sea', layers: 'some' }], /^monitor\.0\.layers: must be "default"/],
    [[{ concept: 'sea', scale: 'share' }], /^monitor\.0\.scale: must be "calibrated", "norm" or "raw"/],
    [[{ vectors: { 1: [1] }, scale: 'calibrated' }], /^monitor\.0\.scale: must be "norm" or "raw": the/],
    [[{ concept: 'sea', detail: 'all' }], /^monitor\.0\.detail: must be "mean" or "layers"/],
    [Array(9).fill('sea'), /^monitor: must have at most 8 items/],
  ] as const)
    assert.match(fault(Monitored, { monitor }), message);
});

test('a fit request has bounds and defaults', () => {
  const least = { name: 'sea', prefix: 'You adore the sea.' };
  assert.deepEqual(FitRequest.parse(least), {
    ...least,
    recipe: 'auto',
    layers: 'all',
    calibrate: true,
    seed: 0,
  });
  const two = ['a', 'b'];
  for (const [path, part] of [
    ['name', { name: '../x' }],
    ['prefix', { prefix: '' }],
    ['prefix', { prefix: '  ' }],
    ['prefix', { prefix: 'x'.repeat(4001) }],
    ['recipe', { recipe: 'magic' }],
    ['method', { method: 'magic' }],
    ['seed', { seed: 2 ** 32 }],
    ['seed', { seed: -1 }],
    ['max_tokens', { max_tokens: 0 }],
    ['statements.negative', { statements: { positive: two } }],
    ['statements.positive', { statements: { positive: ['a'], negative: two } }],
    ['statements.positive.1', { statements: { positive: ['a', ''], negative: two } }],
    ['statements.positive.1', { statements: { positive: ['a', 'x'.repeat(2001)], negative: two } }],
    ['statements.negative', { statements: { positive: two, negative: Array(5001).fill('a') } }],
  ] as const) {
    assert.ok(fault(FitRequest, { ...least, ...part }).startsWith(`${path}: `), path);
  }
});
