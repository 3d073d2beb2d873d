/** Formats in the words of older drafts and of OpenAPI are held to as in those of today; what is wrong in them is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withinTime } from '../../src/common/time-limit.js';
import { formatConstraint, jsonSchema } from '../../src/completions/constraint.js';
import { toolFormat } from '../../src/completions/tool-formats.js';
import { askedTools, callsGrammar } from '../../src/completions/tools.js';

type Schema = Record<string, unknown>;
const inObject = (a: unknown): Schema => ({ type: 'object', properties: { a }, required: ['a'] });

/** Older words, and the same in those of draft 2020-12; JSON that fits and JSON that does not. */
const rows: readonly (readonly [old: unknown, modern: unknown, fits: unknown, not: unknown])[] = [
  [
    { type: 'array', items: [{ type: 'integer' }], additionalItems: false },
    { type: 'array', prefixItems: [{ type: 'integer' }], items: false },
    [1],
    ['x'],
  ],
  [{ type: 'string', nullable: true }, { type: ['string', 'null'] }, null, 1],
  [
    { type: 'integer', minimum: 3, exclusiveMinimum: true, maximum: 9 },
    { type: 'integer', exclusiveMinimum: 3, maximum: 9 },
    4,
    3,
  ],
  [{ type: 'STRING' }, { type: 'string' }, 'x', 1],
];

test('older words mean what they mean today, in formats and in strict tools', () => {
  for (const [old, modern, fits, not] of rows) {
    const about = JSON.stringify(old);
    const asked = jsonSchema(inObject(old), 'f');
    assert.deepEqual(asked.source, jsonSchema(inObject(modern), 'f').source, about);
    assert.ok(asked.fits?.(JSON.stringify({ a: fits })), about);
    assert.ok(!asked.fits?.(JSON.stringify({ a: not })), about);
    const strict = (parameters: Schema) =>
      askedTools({ tools: [{ type: 'function', function: { name: 't', parameters, strict: true } }] }).calls;
    assert.deepEqual(strict(inObject(old)), strict(inObject(modern)), about);
  }
});

test('what is wrong in a format is refused, not read over', () => {
  const wrong: readonly (readonly [schema: unknown, reason: RegExp])[] = [
    [{ type: 'hiccup' }, /type must be one of/],
    [{ type: 123 }, /type must be one of/],
    [{ enum: [] }, /enum/],
    [{ type: 'string', pattern: null }, /pattern/],
  ];
  for (const [schema, reason] of wrong)
    assert.throws(
      () => jsonSchema(inObject(schema), 'f'),
      (error: { code?: string; message: string }) =>
        error.code === 'constraint_refused' && reason.test(error.message),
      JSON.stringify(schema),
    );
});

test('what would take long to read is refused in a moment, or loosened where it may be', () => {
  const branch = (own: string) => ({
    type: 'object',
    required: names,
    properties: Object.fromEntries(names.map((name) => [name, { $ref: `#/$defs/${own}` }])),
  });
  const names = Array.from({ length: 30 }, (_, i) => `p${i}`);
  const values = (from: number) => Array.from({ length: 8000 }, (_, i) => from + i);
  const refused: readonly (readonly [about: string, read: () => unknown, reason: RegExp])[] = [
    [
      'alternatives that refer to themselves',
      () =>
        jsonSchema(
          {
            $defs: { a: branch('a'), b: branch('b') },
            oneOf: [{ $ref: '#/$defs/a' }, { $ref: '#/$defs/b' }],
          },
          'f',
        ),
      /could both fit/,
    ],
    [
      'long lists of values',
      () => jsonSchema({ oneOf: [{ enum: values(0) }, { enum: values(9000) }] }, 'f'),
      /enum/,
    ],
    [
      'long lists in both',
      () => jsonSchema({ allOf: [{ enum: values(0) }, { enum: values(4000) }] }, 'f'),
      /enum/,
    ],
    [
      'groups in groups',
      () => jsonSchema({ type: 'string', pattern: `${'('.repeat(900)}a${')'.repeat(900)}` }, 'f'),
      /groups deeper than 100/,
    ],
    [
      'sets that nothing closes',
      () => formatConstraint({ structured_outputs: { grammar: `root ::= ${'['.repeat(49_000)}` } }),
      /set that nothing closes/,
    ],
    [
      'schemas as text that are too deep',
      () =>
        formatConstraint({ structured_outputs: { json: `${'{"not":'.repeat(9000)}{}${'}'.repeat(9000)}` } }),
      /nested deeper than 128/,
    ],
  ];
  for (const [about, read, reason] of refused) {
    const done = withinTime(() => assert.throws(read, reason, about), 8000);
    assert.ok(done !== null, about);
  }
  const huge = JSON.parse('{"minimum": 1e400, "enum": [1e400]}') as { minimum: number; enum: number[] };
  assert.throws(() => jsonSchema({ type: 'number', minimum: huge.minimum }, 'f'), /minimum must be a number/);
  assert.throws(() => jsonSchema({ enum: huge.enum }, 'f'), /no double can hold/);
  // 16,000 characters that are no neighbours.
  const set = Array.from({ length: 16_000 }, (_, i) => String.fromCodePoint(0x4e00 + 2 * i)).join('');
  const grammar = () => formatConstraint({ structured_outputs: { grammar: `root ::= [${set}]` } });
  assert.ok(withinTime(grammar, 8000)?.result);

  const many = Array.from({ length: 128 }, (_, i) => ({
    type: 'function' as const,
    function: {
      name: `t${i}`,
      parameters: inObject({
        anyOf: Array.from({ length: 60 }, (_, j) => ({ type: 'string', maxLength: j })),
      }),
    },
  }));
  const { calls } = askedTools({ tools: many });
  assert.equal(calls?.tools[0]?.held, calls?.tools[0]?.schema);
  assert.match(String(calls?.tools[127]?.loosened[0]?.reason), /comes after more than 4000 parts/);
  assert.ok(calls && callsGrammar(calls, toolFormat.hermes).length > 0);

  const properties = Object.fromEntries(
    Array.from({ length: 4000 }, (_, i) => [`property_${i}`, { type: 'string' }]),
  );
  const parameters = { type: 'object', properties };
  const tool = (strict: boolean) =>
    askedTools({ tools: [{ type: 'function', function: { name: 't', parameters, strict } }] }).calls
      ?.tools[0];
  assert.throws(() => tool(true), /more than 100000 characters/);
  const loosened = tool(false);
  assert.deepEqual(loosened?.held, loosened?.schema);
  assert.match(String(loosened?.loosened[0]?.reason), /more than 100000 characters/);
});
