/** Faults in long lists are told at once: what a body may hold is read in a moment, right or wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { ChatRequest } from '../../src/schemas/chat.js';
import { CompletionRequest } from '../../src/schemas/completions.js';
import { ConceptVectorsInput } from '../../src/schemas/concept-vectors.js';
import { list } from '../../src/schemas/list.js';
import { validate } from '../../src/schemas/validation.js';

const messageOf = (schema: z.ZodType, value: unknown): string => {
  const checked = validate(schema, value);
  return 'error' in checked ? checked.error.message : '';
};

test('the first fault is told with its place, and nothing behind it is read', () => {
  let read = 0;
  const item = z.object({ a: z.union([z.string(), z.array(z.int())]) }).refine(() => ++read > 0);
  const schema = z.object({ items: list(item, { min: 1, max: 5 }) });
  assert.deepEqual(validate(schema, { items: [{ a: 'x' }, { a: [1] }] }), {
    value: { items: [{ a: 'x' }, { a: [1] }] },
  });
  read = 0;
  assert.equal(
    messageOf(schema, { items: [{ a: 'x' }, { a: [1, 'y'] }, { a: 'z' }] }),
    'items.1.a.1 must be an integer; received "y".',
  );
  assert.equal(read, 1);
  assert.match(messageOf(schema, { items: [] }), /at least 1 item; received an empty list/);
  assert.match(
    messageOf(schema, { items: Array(6).fill({ a: 'x' }) }),
    /at most 5 items; received a list of 6/,
  );
  assert.match(messageOf(schema, {}), /items must be a list; received nothing/);
  assert.match(messageOf(schema, { items: 'x' }), /items must be a list; received "x"/);
});

test('bodies of 4 MB, wrong at every place, are refused within a moment', () => {
  const messages = [{ role: 'user', content: 'x' }];
  const cases: [z.ZodType, object][] = [
    [CompletionRequest, { prompt: Array(800_000).fill(-1.5) }],
    [CompletionRequest, { prompt: Array(300_000).fill([1.5, 'x']) }],
    [CompletionRequest, { prompt: 'x', stop: Array(800_000).fill(3) }],
    [ChatRequest, { messages: Array(400_000).fill([]) }],
    [ChatRequest, { messages: [{ role: 'user', content: Array(300_000).fill({ type: 'x' }) }] }],
    [ChatRequest, { messages, stop_token_ids: Array(800_000).fill('x') }],
    [ChatRequest, { messages, steering: Array(800_000).fill(0) }],
    [ChatRequest, { messages, steering: { concept: 'a', layers: Array(800_000).fill(-1) } }],
    [ConceptVectorsInput, { vectors: { 1: Array(4_000_000).fill('x') } }],
    [ConceptVectorsInput, { vectors: Object.fromEntries(Array(500_000).fill(0).entries()) }],
    [ConceptVectorsInput, { vectors: { 1: [1] }, coefficients: Array(4_000_000).fill('x') }],
    [ChatRequest, { messages, logit_bias: Object.fromEntries(Array(200_000).fill('x').entries()) }],
  ];
  for (const [schema, body] of cases) {
    const started = performance.now();
    assert.match(messageOf(schema, body), / must /);
    const took = performance.now() - started;
    assert.ok(took < 500, `${Object.keys(body)}: ${took} ms`);
  }
});
