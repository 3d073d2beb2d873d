/** Formats in the words of older drafts and of OpenAPI are held to as in those of today; what is wrong in them is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonSchema } from '../../src/completions/constraint.js';
import { askedTools } from '../../src/completions/tools.js';

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
