/**
 * Sixty schemas of parameters as tools have them in the wild: what OpenAPI, zod, pydantic and MCP servers write, and what
 * people write by hand. Each has arguments that fit it.
 */
import { z } from 'zod';

export interface ToolSchema {
  readonly name: string;
  readonly parameters: Record<string, unknown>;
  /** Arguments that validate. */
  readonly fits: Record<string, unknown>;
  /** Arguments that do not, where the schema says more than its types. */
  readonly not?: Record<string, unknown>;
}

const object = (properties: object, more: object = {}): Record<string, unknown> => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  ...more,
});
const a = (schema: object, fits: unknown, not?: unknown): Omit<ToolSchema, 'name'> => ({
  parameters: object({ a: schema }),
  fits: { a: fits },
  ...(not === undefined ? {} : { not: { a: not } }),
});

const zodEmail =
  "^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$";

const schemas: Readonly<Record<string, Omit<ToolSchema, 'name'>>> = {
  'no parameters': { parameters: { type: 'object', properties: {} }, fits: {} },
  'an empty schema': { parameters: {}, fits: { any: 1 } },
  'no type': { parameters: { properties: { a: { type: 'string' } }, required: ['a'] }, fits: { a: 'x' } },
  'a string': a({ type: 'string', description: 'City' }, 'Rome', 3),
  'unique items': a({ type: 'array', items: { type: 'integer' }, uniqueItems: true }, [1, 2], [1, 1]),
  'a large maxLength': a({ type: 'string', maxLength: 5000 }, 'x', 'x'.repeat(5001)),
  'a huge maxLength': a({ type: 'string', maxLength: 1_000_000 }, 'x'),
  'several lengths': {
    parameters: object({
      a: { type: 'string', maxLength: 255 },
      b: { type: 'string', minLength: 1, maxLength: 255 },
      c: { type: 'string', minLength: 100 },
    }),
    fits: { a: '', b: 'x', c: 'y'.repeat(100) },
    not: { a: '', b: '', c: 'y'.repeat(100) },
  },
  nullable: a({ type: 'string', nullable: true }, null, 1),
  'nullable enum': a({ type: 'string', nullable: true, enum: ['x', 'y'] }, null, 'z'),
  'nullable reference': {
    parameters: { ...object({ a: { $ref: '#/$defs/s', nullable: true } }), $defs: { s: { type: 'string' } } },
    fits: { a: null },
    not: { a: 1 },
  },
  not: a({ type: 'string', not: { const: 'bad' } }, 'good', 'bad'),
  'not a type': a({ not: { type: 'null' } }, 1, null),
  if: {
    parameters: {
      type: 'object',
      properties: { kind: { enum: ['a', 'b'] }, size: { type: 'integer' } },
      required: ['kind'],
      if: { properties: { kind: { const: 'a' } } },
      ...{ ['then' as string]: { required: ['size'] } },
    },
    fits: { kind: 'a', size: 1 },
    not: { kind: 'a' },
  },
  patternProperties: {
    parameters: {
      type: 'object',
      patternProperties: { '^x-[a-z]+$': { type: 'string' } },
      additionalProperties: false,
    },
    fits: { 'x-a': 'b' },
    not: { y: 'b' },
  },
  'patternProperties beside others': {
    parameters: { ...object({ a: { type: 'integer' } }), patternProperties: { '^S_': { type: 'string' } } },
    fits: { a: 1, S_1: 'x' },
    not: { a: 1, S_1: 2 },
  },
  dependentRequired: {
    parameters: {
      type: 'object',
      properties: { card: { type: 'string' }, address: { type: 'string' } },
      dependentRequired: { card: ['address'] },
    },
    fits: { card: '1', address: 'x' },
    not: { card: '1' },
  },
  dependencies: {
    parameters: {
      type: 'object',
      properties: { card: { type: 'string' }, address: { type: 'string' } },
      dependencies: { card: ['address'] },
    },
    fits: {},
    not: { card: '1' },
  },
  unevaluatedProperties: {
    parameters: {
      allOf: [object({ a: { type: 'integer' } })],
      properties: { b: { type: 'integer' } },
      unevaluatedProperties: false,
    },
    fits: { a: 1, b: 2 },
    not: { a: 1, c: 3 },
  },
  contains: a({ type: 'array', items: { type: 'integer' }, contains: { const: 1 } }, [2, 1], [2]),
  'minContains and maxContains': a(
    { type: 'array', contains: { type: 'integer' }, minContains: 1, maxContains: 2 },
    [1, 'x'],
    [1, 2, 3],
  ),
  lookahead: a({ type: 'string', pattern: '^(?=.*[0-9])[a-z0-9]+$' }, 'a1', 'ab'),
  lookbehind: a({ type: 'string', pattern: 'x(?<!yx)' }, 'x', 'yx'),
  'unicode property': a({ type: 'string', pattern: '^\\p{L}+$' }, 'é', '1'),
  'word boundary': a({ type: 'string', pattern: '\\bcat\\b' }, 'a cat', 'cats'),
  'back reference': a({ type: 'string', pattern: '^(a|b)\\1$' }, 'aa', 'ab'),
  'a pattern with a length': a(
    { type: 'string', pattern: '^a[bc]*d$', minLength: 3, maxLength: 6 },
    'abd',
    'ad',
  ),
  'a long counted pattern': a({ type: 'string', pattern: '^[A-Za-z0-9]{1,500}$' }, 'x', '!'),
  'not an expression': a({ type: 'string', pattern: '([a' }, 'x'),
  "zod's email": a({ type: 'string', format: 'email', pattern: zodEmail }, 'a@b.io', 'a..b@c.io'),
  'an unknown format': a({ type: 'string', format: 'phone' }, '1'),
  'a format with a pattern': a(
    { type: 'string', format: 'uri', pattern: '^https://a\\.' },
    'https://a.b',
    'http://b',
  ),
  hundredths: a({ type: 'number', multipleOf: 0.01 }, 0.07, 0.075),
  'money in bounds': a({ type: 'number', multipleOf: 0.01, minimum: 0, maximum: 100 }, 12.34, 100.5),
  fives: a({ type: 'integer', multipleOf: 5 }, 15, 16),
  'overlapping oneOf': a({ oneOf: [{ type: 'string' }, { type: 'string', maxLength: 3 }] }, 'long one', 'ab'),
  'oneOf of numbers': a({ oneOf: [{ type: 'number' }, { type: 'integer' }] }, 1.5, 1),
  'oneOf of required': {
    parameters: {
      type: 'object',
      properties: { id: { type: 'integer' }, name: { type: 'string' } },
      oneOf: [{ required: ['id'] }, { required: ['name'] }],
    },
    fits: { id: 1 },
    not: { id: 1, name: 'x' },
  },
  'anyOf of required': {
    parameters: {
      type: 'object',
      properties: { id: { type: 'integer' }, name: { type: 'string' } },
      anyOf: [{ required: ['id'] }, { required: ['name'] }],
    },
    fits: { name: 'x' },
    not: {},
  },
  'tuple items': a({ type: 'array', items: [{ type: 'number' }, { type: 'string' }] }, [1, 'x'], ['x', 1]),
  'tuple with additionalItems': a(
    { type: 'array', items: [{ type: 'number' }], additionalItems: { type: 'boolean' } },
    [1, true],
    [1, 2],
  ),
  'required null': {
    parameters: { type: 'object', properties: { a: { type: 'string' } }, required: null },
    fits: {},
    not: { a: 1 },
  },
  'required in the property': {
    parameters: { type: 'object', properties: { a: { type: 'string', required: true } } },
    fits: { a: 'x' },
    not: {},
  },
  'required without property': {
    parameters: { type: 'object', properties: { a: { type: 'string' } }, required: ['a', 'b'] },
    fits: { a: 'x', b: 1 },
    not: { a: 'x' },
  },
  'empty enum': a({ type: 'string', enum: [] }, 'x', 1),
  'enum of another type': a({ type: 'string', enum: ['1', '2', 3] }, '1', '4'),
  'enum beside bounds': a({ enum: [1, 2, 300], maximum: 10 }, 2, 300),
  'upper-case types': {
    parameters: {
      type: 'OBJECT',
      properties: { a: { type: 'STRING' }, b: { type: 'ARRAY', items: { type: 'INTEGER' } } },
    },
    fits: { a: 'x', b: [1] },
    not: { a: 1 },
  },
  "Python's types": a({ type: 'dict' }, { x: 1 }, 'x'),
  'a type that nobody knows': a({ type: 'any' }, [1]),
  'boolean bounds': a({ type: 'number', minimum: 0, exclusiveMinimum: true }, 0.5, 0),
  'OpenAPI 3.0': {
    parameters: object({
      when: { type: 'string', format: 'date-time', example: '2026-01-01T00:00:00Z' },
      id: { type: 'integer', format: 'int64', minimum: 1 },
      state: { type: 'string', enum: ['on', 'off'], default: 'on', xml: { name: 'state' } },
      more: { type: 'object', nullable: true, additionalProperties: { type: 'string' } },
    }),
    fits: { when: '2026-01-01T00:00:00Z', id: 1, state: 'on', more: null },
    not: { when: '2026-01-01T00:00:00Z', id: 0, state: 'on', more: null },
  },
  minProperties: {
    parameters: {
      type: 'object',
      properties: { a: { type: 'integer' }, b: { type: 'integer' } },
      minProperties: 1,
    },
    fits: { a: 1 },
    not: {},
  },
  'property names': {
    parameters: {
      type: 'object',
      propertyNames: { pattern: '^[a-z]+$', maxLength: 8 },
      additionalProperties: { type: 'integer' },
    },
    fits: { ab: 1 },
    not: { AB: 1 },
  },
  'many items': a({ type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 1000 }, ['x'], []),
  'a reference that leads nowhere': a({ $ref: '#/components/schemas/Pet' }, { any: true }),
  'a tree': {
    parameters: {
      $ref: '#/$defs/node',
      $defs: {
        node: object({
          v: { type: 'integer' },
          next: { type: 'array', items: { $ref: '#/$defs/node' }, uniqueItems: true },
        }),
      },
    },
    fits: { v: 1, next: [{ v: 2, next: [] }] },
    not: { v: 1, next: [{ v: 'x', next: [] }] },
  },
  'allOf that cannot be merged': a(
    {
      allOf: [
        { type: 'string', pattern: '^a' },
        { type: 'string', pattern: 'b$' },
      ],
    },
    'ab',
    'a',
  ),
  'unknown keywords': a(
    { type: 'string', 'ui:widget': 'textarea', propertyOrdering: ['a'], errorMessage: 'x' },
    'x',
    1,
  ),
  'what zod writes': {
    parameters: z.toJSONSchema(
      z.object({
        mail: z.email(),
        site: z.url().optional(),
        tags: z.array(z.string().min(1).max(64)).max(16),
        price: z.number().multipleOf(0.01).nonnegative(),
        kind: z.discriminatedUnion('t', [
          z.object({ t: z.literal('p'), day: z.iso.date() }),
          z.object({ t: z.literal('q'), size: z.enum(['s', 'm']) }),
        ]),
      }),
    ) as Record<string, unknown>,
    fits: { mail: 'a@b.io', tags: ['x'], price: 1.25, kind: { t: 'q', size: 's' } },
    not: { mail: 'a@b.io', tags: [''], price: 1.25, kind: { t: 'q', size: 's' } },
  },
};

export const toolSchemas: readonly ToolSchema[] = Object.entries(schemas).map(([name, schema]) => ({
  name,
  ...schema,
}));
