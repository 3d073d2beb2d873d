/** Whatever the grammar of a schema lets through validates: zod is the judge, and the walks are random. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { z } from 'zod';
import { SchemaRefusal } from '../../src/json-grammar/refusal.js';
import { schemaGrammar } from '../../src/json-grammar/schema-grammar.js';
import { RandomTexts } from './random-texts.js';

type Schema = Record<string, unknown>;

const object = (properties: Schema, required = Object.keys(properties)): Schema => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

const schemas: Record<string, Schema | boolean> = {
  anything: {},
  true: true,
  'integer with a minimum': { type: 'integer', minimum: 0 },
  'integer above': { type: 'integer', exclusiveMinimum: 7 },
  'integer below': { type: 'integer', exclusiveMaximum: -12 },
  'integer between': { type: 'integer', minimum: -37, maximum: 1205 },
  'integer between fractions': { type: 'integer', minimum: 0.5, exclusiveMaximum: 3.2 },
  'large integers': { type: 'integer', minimum: 9007199254740000, maximum: 9007199254740991 },
  'number with a minimum': { type: 'number', minimum: 0 },
  share: { type: 'number', minimum: 0, maximum: 1 },
  'open share': { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 },
  fractions: { type: 'number', minimum: -1.25, maximum: 0.375 },
  narrow: { type: 'number', exclusiveMinimum: 0.1, maximum: 0.1000001 },
  negative: { type: 'number', exclusiveMaximum: -0.5 },
  tiny: { type: 'number', minimum: 1e-7, maximum: 2e-7 },
  number: { type: 'number' },
  whole: { type: 'number', multipleOf: 1, minimum: 2 },
  'string of a length': { type: 'string', minLength: 2, maxLength: 5 },
  'long string': { type: 'string', maxLength: 10_000 },
  pattern: { type: 'string', pattern: '^[A-Z]{2}-[0-9]{3}$' },
  'pattern with quotes': { type: 'string', pattern: '^["\\\\/\\n]+[^a-z"]{1,3}.$' },
  'pattern with choices': { type: 'string', pattern: '^(?:yes|no(?<more> way)?|\\u0041\\x42)$' },
  'pattern somewhere': { type: 'string', pattern: 'a+b' },
  'pattern and length': { type: 'string', pattern: '^[a-z]+$', minLength: 3, maxLength: 6 },
  ...Object.fromEntries(
    ['date', 'date-time', 'time', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uri', 'uuid'].map(
      (format) => [format, { type: 'string', format }],
    ),
  ),
  enum: { enum: ['a"b\\', 3, -1.5, null, true, 'é\n'] },
  'enum of a type': { type: ['string', 'null'], enum: ['a', 1, null] },
  const: { const: 'only' },
  anyOf: { anyOf: [{ type: 'integer', maximum: 3, minimum: 0 }, { type: 'null' }, { const: 'x' }] },
  'anyOf beside': {
    type: 'object',
    properties: { kind: { type: 'string', maxLength: 3 } },
    required: ['kind'],
    anyOf: [{ required: ['a'], properties: { a: { const: 1 } } }, { properties: { b: { const: 2 } } }],
  },
  'oneOf by a property': {
    oneOf: [object({ t: { const: 'p' }, v: { type: 'integer' } }), object({ t: { const: 'q' } })],
  },
  'oneOf by type': { oneOf: [{ type: 'string', maxLength: 2 }, { type: 'integer' }, { type: 'null' }] },
  allOf: {
    allOf: [
      { type: 'object', properties: { a: { type: 'integer', minimum: 3 } }, required: ['a'] },
      { $ref: '#/$defs/b' },
    ],
    $defs: { b: { type: 'object', properties: { a: { type: 'number', maximum: 9 }, b: { const: 2 } } } },
  },
  types: { type: ['integer', 'null', 'string'], minimum: 3, maxLength: 2 },
  'optional properties': object({ a: { const: 1 }, b: { const: 2 }, c: { const: 3 } }, ['b']),
  'all optional': object({ a: { const: 1 }, b: { const: 2 } }, []),
  'others of a type': {
    type: 'object',
    properties: { a: { type: 'string', maxLength: 2 }, ab: { const: 1 }, 'x"y': { const: null } },
    required: ['a'],
    additionalProperties: { type: 'boolean' },
  },
  'a map': { type: 'object', additionalProperties: { type: 'integer' }, minProperties: 1, maxProperties: 3 },
  'a map by names': {
    type: 'object',
    propertyNames: { enum: ['u', 'v'] },
    additionalProperties: { type: 'boolean' },
    required: ['u'],
  },
  'a map by pattern': {
    type: 'object',
    propertyNames: { pattern: '^[a-z]{2}$' },
    additionalProperties: true,
  },
  'an empty object': object({}),
  'any object': { type: 'object' },
  items: { type: 'array', items: { type: 'boolean' }, minItems: 2, maxItems: 4 },
  'items without end': { type: 'array', items: { type: 'null' }, minItems: 1 },
  'any items': { type: 'array', maxItems: 2 },
  'no items': { type: 'array', maxItems: 0 },
  tuple: {
    type: 'array',
    prefixItems: [{ const: 1 }, { type: 'string', maxLength: 1 }],
    items: { type: 'null' },
    minItems: 3,
    maxItems: 5,
  },
  'closed tuple': { type: 'array', prefixItems: [{ const: 1 }, { const: 2 }], items: false },
  'a tree': {
    $ref: '#/$defs/node',
    $defs: {
      node: object({
        value: { type: 'integer', minimum: 0, maximum: 9 },
        children: { type: 'array', items: { $ref: '#/$defs/node' }, maxItems: 2 },
      }),
    },
  },
  'a list of itself': object({ next: { anyOf: [{ $ref: '#' }, { type: 'null' }] } }),
  'reference with notes': {
    ...object({ a: { $ref: '#/definitions/a', description: 'x', default: 1 } }),
    $schema: 'http://json-schema.org/draft-07/schema#',
    definitions: { a: { type: 'integer', minimum: 1 } },
  },
};

/** pydantic's, as model_json_schema writes them: optional fields, discriminators, titles, sets of constraints. */
const pydantic: Schema = {
  $defs: {
    Cat: {
      properties: {
        kind: { const: 'cat', title: 'Kind', type: 'string' },
        lives: { maximum: 9, minimum: 1, title: 'Lives', type: 'integer' },
      },
      required: ['kind', 'lives'],
      title: 'Cat',
      type: 'object',
    },
    Colour: { enum: ['red', 'blue'], title: 'Colour', type: 'string' },
    Dog: {
      properties: { kind: { const: 'dog', title: 'Kind', type: 'string' } },
      required: ['kind'],
      title: 'Dog',
      type: 'object',
    },
  },
  properties: {
    pet: {
      discriminator: { mapping: { cat: '#/$defs/Cat', dog: '#/$defs/Dog' }, propertyName: 'kind' },
      oneOf: [{ $ref: '#/$defs/Cat' }, { $ref: '#/$defs/Dog' }],
      title: 'Pet',
    },
    colour: { $ref: '#/$defs/Colour', default: 'red' },
    old: { allOf: [{ $ref: '#/$defs/Colour' }], default: 'red' },
    age: { anyOf: [{ exclusiveMinimum: 0, type: 'integer' }, { type: 'null' }], default: null, title: 'Age' },
    born: { format: 'date', title: 'Born', type: 'string' },
    scores: { additionalProperties: { type: 'number' }, title: 'Scores', type: 'object' },
    secret: { format: 'password', title: 'Secret', type: 'string', writeOnly: true },
    price: { anyOf: [{ type: 'number' }, { pattern: '^\\d{1,5}(\\.\\d{1,2})?$', type: 'string' }] },
  },
  required: ['pet', 'age', 'born'],
  title: 'Owner',
  type: 'object',
};

const Node: z.ZodType = z.lazy(() => z.object({ value: z.int(), next: z.nullable(Node) }));
const zods: Record<string, z.ZodType> = {
  scalars: z.object({
    a: z.int(),
    b: z.number().min(0).max(1),
    c: z.int().positive(),
    d: z.int32(),
    e: z.string().nullable(),
    f: z.string().min(1).max(20),
    g: z.boolean().optional(),
    h: z.literal([1, 'b', null]),
    i: z.number().positive(),
  }),
  formats: z.object({
    a: z.email(),
    b: z.uuid(),
    c: z.iso.datetime(),
    d: z.iso.date(),
    e: z.iso.time(),
    f: z.ipv4(),
    g: z.url(),
    h: z.uuidv4(),
    i: z.iso.duration(),
    j: z.nanoid(),
    k: z.string().regex(/^a+$/).min(2).max(5),
  }),
  composite: z.object({
    a: z.array(z.string().max(4)).min(1).max(3),
    b: z.record(z.string(), z.number()),
    c: z.tuple([z.string(), z.number()]),
    d: z.discriminatedUnion('t', [
      z.object({ t: z.literal('p'), v: z.int() }),
      z.object({ t: z.literal('q') }),
    ]),
    e: z.record(z.enum(['u', 'v']), z.boolean()),
    f: z.union([z.string().max(3), z.number(), z.array(z.boolean())]),
    g: z.intersection(z.object({ x: z.string() }), z.object({ y: z.int() })),
    h: z.json(),
  }),
  recursive: Node,
};

describe('what a grammar lets through validates', () => {
  let texts: RandomTexts;
  before(async () => {
    texts = await RandomTexts.open(7);
  });

  async function hold(schema: Schema | boolean, judge: z.ZodType, name: string): Promise<void> {
    const walked = await texts.of(schemaGrammar(schema), 25);
    const ended = walked.filter((text) => text !== null);
    assert.ok(ended.length >= 12, `${name}: ${ended.length} of ${walked.length} ended`);
    for (const text of ended) {
      const parsed = judge.safeParse(JSON.parse(text));
      assert.ok(parsed.success, `${name}: ${text}\n${parsed.error}`);
    }
  }

  for (const [name, schema] of Object.entries(schemas))
    test(name, () => hold(schema, z.fromJSONSchema(schema), name));

  test("pydantic's", () => hold(pydantic, z.fromJSONSchema(pydantic), 'pydantic'));

  for (const [name, type] of Object.entries(zods))
    test(`zod's ${name}`, () => hold(z.toJSONSchema(type) as Schema, type, name));

  test('values of an enum may be lists and objects', async () => {
    const values = [{ a: [1, 'x'], b: {} }, [], [{}, 2], { c: null }];
    const walked = await texts.of(schemaGrammar({ enum: values }), 60);
    const written = new Set(walked.map((text) => JSON.stringify(JSON.parse(text ?? ''))));
    assert.deepEqual([...written].sort(), values.map((value) => JSON.stringify(value)).sort());
  });

  test('both ends of a range can be written, and nothing beyond them', async () => {
    for (const [minimum, maximum] of [
      [0, 120],
      [-3, 3],
      [7, 7],
      [98, 102],
      [-1205, -37],
    ] as const) {
      const values = new Set(
        (await texts.of(schemaGrammar({ type: 'integer', minimum, maximum }), 1_500)).map(Number),
      );
      assert.equal(Math.min(...values) >= minimum && Math.max(...values) <= maximum, true);
      if (maximum - minimum <= 6)
        assert.equal(values.size, maximum - minimum + 1, `${minimum} to ${maximum}`);
    }
  });
});

test('what cannot be held is refused by its keyword and place', () => {
  const deep = JSON.parse(`${'{"type":"array","items":'.repeat(500)}{"type":"string"}${'}'.repeat(500)}`);
  const rows: [unknown, RegExp][] = [
    [null, /^schema must be a schema/],
    [false, /^schema is false/],
    [{ type: 'objekt' }, /^schema\.type must be one of object, array/],
    [object({ a: { not: {} } }), /^schema\.properties\.a\.not is not supported here: say/],
    [{ type: 'number', multipleOf: 0.01 }, /^schema\.multipleOf is not supported/],
    [{ type: 'array', uniqueItems: true }, /^schema\.uniqueItems is not supported/],
    [{ type: 'array', contains: {} }, /^schema\.contains is not supported/],
    [{ type: 'object', patternProperties: { a: {} } }, /^schema\.patternProperties is not supported/],
    [{ if: {} }, /^schema\.if is not supported here: use anyOf/],
    [{ type: 'string', pattern: '(?=a)b' }, /^schema\.pattern has lookahead/],
    [{ type: 'string', pattern: '(a)\\1' }, /^schema\.pattern has \\1/],
    [{ type: 'string', pattern: '([a' }, /^schema\.pattern .*unclosed|ends too soon/],
    [{ type: 'string', pattern: 'a^b' }, /^schema\.pattern has an anchor in the middle/],
    [{ type: 'string', pattern: '(ab)+', maxLength: 3 }, /^schema\.pattern cannot be combined with a length/],
    [{ type: 'string', pattern: `${'('.repeat(5_000)}` }, /^schema\.pattern must have at most 2000/],
    [{ type: 'string', format: 'colour' }, /^schema\.format must be one of date, time/],
    [{ type: 'string', format: 'date', pattern: 'x' }, /^schema\.format cannot be combined with a pattern/],
    [{ type: 'string', minLength: 5, maxLength: 2 }, /^schema\.maxLength must be at least minLength/],
    [{ type: 'string', maxLength: 400_000 }, /^schema\.maxLength must be a whole number of at most 10000/],
    [{ type: 'integer', minimum: 3, maximum: 2 }, /^schema has bounds between which there is no integer/],
    [{ type: 'number', minimum: 1e300 }, /^schema has bounds between which there is no number/],
    [
      { oneOf: [{ type: 'string' }, { maxLength: 3 }] },
      /^schema\.oneOf has alternatives that could both fit/,
    ],
    [{ oneOf: [{ type: 'integer' }, { type: 'number' }] }, /could both fit \(0 and 1\): use anyOf/],
    [{ oneOf: [] }, /^schema\.oneOf must be a list/],
    [{ $ref: '#/nope' }, /^schema\.\$ref must refer to a part of this schema; received "#\/nope"/],
    [{ $ref: '#' }, /leads back to itself/],
    [{ $ref: '#/$defs/a', $defs: { a: { anyOf: [{ $ref: '#/$defs/a' }, { type: 'null' }] } } }, /leads back/],
    [{ allOf: [{ $ref: '#' }] }, /leads back|deeper than/],
    [{ allOf: [{ type: 'string' }, { type: 'integer' }] }, /^schema\.allOf\.1\.type cannot be combined/],
    [{ type: 'object', required: ['a'] }, /^schema\.required names "a"/],
    [{ enum: [1], type: 'string' }, /^schema\.enum has no value of the type/],
    [{ type: 'object', minProperties: 2 }, /^schema\.minProperties must be at most 1/],
    [deep, /deeper than 24/],
    [{ enum: ['x'.repeat(100_000)] }, /^the schema has more than 100000 characters/],
    [{ enum: Array.from({ length: 3_000 }, (_, i) => i) }, /^schema\.enum must be a list of 1 to 2000 items/],
    [{ type: 'array', minItems: 3, maxItems: 1 }, /^schema\.maxItems must be at least minItems/],
    [{ mininum: 3 }, /^schema\.mininum is not supported here/],
  ];
  for (const [schema, reason] of rows) {
    assert.throws(
      () => schemaGrammar(schema),
      (error) =>
        (error instanceof SchemaRefusal && reason.test(error.message)) ||
        assert.fail(`${JSON.stringify(schema)?.slice(0, 90)}: ${error}`),
    );
  }
});
