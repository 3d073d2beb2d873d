/** Faults in long lists are told at once: what a body may hold is read in a moment, right or wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { ChatRequest } from '../../src/schemas/chat.js';
import { CompletionRequest } from '../../src/schemas/completions.js';
import { ConceptVectorsInput } from '../../src/schemas/concept-vectors.js';
import { ComposeRequest } from '../../src/schemas/concepts.js';
import { list } from '../../src/schemas/fields.js';
import { FitRequest } from '../../src/schemas/fits.js';
import { CalibrateRequest, SweepRequest } from '../../src/schemas/measurements.js';
import { OllamaChatRequest, OllamaEmbedRequest } from '../../src/schemas/ollama.js';
import { ResponseRequest } from '../../src/schemas/responses.js';
import { ScoreRequest } from '../../src/schemas/score.js';
import { DetokenizeRequest, TokenizeRequest } from '../../src/schemas/tokenize.js';
import { validate } from '../../src/schemas/validation.js';
import { countReads } from './read-count.js';

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

test('of bodies of 4 MB, wrong at every place, a few places are read and one fault is told', () => {
  const messages = [{ role: 'user', content: 'x' }];
  const concepts = ['a'];
  const cases: [z.ZodType, object][] = [
    [CompletionRequest, { prompt: Array(800_000).fill(-1.5) }],
    [CompletionRequest, { prompt: Array(300_000).fill([1.5, 'x']) }],
    [CompletionRequest, { prompt: 'x', stop: Array(800_000).fill(3) }],
    [ChatRequest, { messages: Array(400_000).fill([]) }],
    [ChatRequest, { messages: [{ role: 'user', content: Array(300_000).fill({ type: 'x' }) }] }],
    [ChatRequest, { messages: [{ role: 'assistant', tool_calls: Array(300_000).fill({ type: 'x' }) }] }],
    [ChatRequest, { messages, tools: Array(300_000).fill({ type: 'x' }) }],
    [ChatRequest, { messages, stop_token_ids: Array(800_000).fill('x') }],
    [ChatRequest, { messages, steering: Array(800_000).fill(0) }],
    [ChatRequest, { messages, steering: { choices: Array(800_000).fill(0) } }],
    [ChatRequest, { messages, steering: { concept: 'a', layers: Array(800_000).fill(-1) } }],
    [ChatRequest, { messages, monitor: Array(800_000).fill(0) }],
    [ChatRequest, { messages, structured_outputs: { choice: Array(800_000).fill(0) } }],
    [ChatRequest, { messages, logit_bias: Object.fromEntries(Array(200_000).fill('x').entries()) }],
    [ResponseRequest, { input: Array(400_000).fill({ role: 'x' }) }],
    [ResponseRequest, { input: [{ role: 'user', content: Array(400_000).fill({ type: 'x' }) }] }],
    [ResponseRequest, { input: 'x', include: Array(800_000).fill(0) }],
    [ResponseRequest, { input: [{ type: 'reasoning', summary: Array(400_000).fill(0) }] }],
    [OllamaChatRequest, { messages, options: { stop: Array(800_000).fill(0) } }],
    [OllamaEmbedRequest, { input: Array(800_000).fill(0) }],
    [ScoreRequest, { input: Array(800_000).fill(-1.5), concepts }],
    [ScoreRequest, { messages: Array(400_000).fill([]), concepts }],
    [ScoreRequest, { input: 'x', concepts: Array(800_000).fill(0) }],
    [SweepRequest, { prompts: Array(800_000).fill(0), concepts, strengths: [1] }],
    [SweepRequest, { prompts: [Array(400_000).fill({})], concepts, strengths: [1] }],
    [SweepRequest, { prompts: ['x'], concepts: Array(800_000).fill(0), strengths: [1] }],
    [SweepRequest, { prompts: ['x'], concepts, strengths: Array(800_000).fill('x') }],
    [CalibrateRequest, { questions: Array(800_000).fill(0) }],
    [CalibrateRequest, { shares: Array(800_000).fill('x') }],
    [
      FitRequest,
      { name: 'a', prefix: 'x', statements: { positive: Array(800_000).fill(0), negative: ['x', 'y'] } },
    ],
    [
      FitRequest,
      { name: 'a', recipe: 'examples', examples: { positive: Array(800_000).fill(0), negative: [] } },
    ],
    [FitRequest, { name: 'a', prefix: 'x', layers: Array(800_000).fill('x') }],
    [ComposeRequest, { terms: Array(400_000).fill({}) }],
    [TokenizeRequest, { messages: Array(400_000).fill([]) }],
    [DetokenizeRequest, { tokens: Array(800_000).fill(-1.5) }],
    [ConceptVectorsInput, { vectors: { 1: Array(4_000_000).fill('x') } }],
    [ConceptVectorsInput, { vectors: Object.fromEntries(Array(500_000).fill(0).entries()) }],
    [ConceptVectorsInput, { vectors: { 1: [1] }, coefficients: Array(4_000_000).fill('x') }],
  ];
  const slow: string[] = [];
  for (const [schema, body] of cases) {
    const counted = countReads(body);
    assert.match(messageOf(schema, counted.value), /must /);
    // As many as the longest list that may be sent, and not the 300,000 and more that are there.
    if (counted.reads() > 16_384)
      slow.push(`${schema.meta()?.id} ${JSON.stringify(body).slice(0, 80)}: ${counted.reads()} reads`);
  }
  assert.deepEqual(slow, []);
});

test('a list of any length that may be sent is read to its end', () => {
  const content = Array.from({ length: 6000 }, (_, i) => ({ type: 'input_text', text: `${i}` }));
  const { input } = ResponseRequest.parse({ input: [{ role: 'user', content }] });
  const [message] = input;
  assert.ok(typeof message === 'object' && 'content' in message && Array.isArray(message.content));
  assert.equal(message.content.length, 6000);
});
