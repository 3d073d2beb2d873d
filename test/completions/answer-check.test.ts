/** Finished answers are judged by something else than the grammar that held them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matches, validates } from '../../src/completions/answer-check.js';
import { build } from '../helpers/app.js';

const chat = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hi' }];
const schema = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] };

test('a text matches as a whole, and JSON validates', () => {
  assert.ok(matches('[а-я]{3}', 'где') && !matches('[а-я]{3}', 'IBM') && !matches('a|b', 'ab'));
  assert.ok(validates(schema, '{"a":1}') && !validates(schema, '{"a":"1"}') && !validates(schema, '{"a":1'));
});

test('what takes for ever to judge counts as fitting, and is judged no longer than a moment', () => {
  const text = `${'a'.repeat(60)}b`;
  const expression = '(?:a|aa)+c|a{60}b';
  const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
  const started = performance.now();
  assert.ok(matches(expression, text));
  assert.ok(validates({ type: 'string', pattern: `^(?:${expression})$` }, JSON.stringify(text)));
  assert.ok(validates({ type: 'array', items: { $ref: '#' } }, deep));
  assert.ok(performance.now() - started < 10_000);
});

test('what does not fit is not passed off as finished; what is cut is', async (t) => {
  const { app, refused } = await build(t, { answer: () => 'IBM!' });
  const regex = { messages, structured_outputs: { regex: '[а-я]{3}' } };
  const json = { messages, response_format: { type: 'json_schema', json_schema: { schema } } };
  for (const body of [regex, json]) {
    assert.deepEqual([(await refused(chat, body)).code], ['constraint_broken']);
    const stream = await app.inject({ method: 'POST', url: chat, payload: { ...body, stream: true } });
    assert.match(stream.body, /constraint_broken/);
    assert.doesNotMatch(stream.body, /"finish_reason":"stop"/);
    for (const cut of [{ max_tokens: 2 }, { stop: 'M' }]) {
      const reply = await app.inject({ method: 'POST', url: chat, payload: { ...body, ...cut } });
      assert.equal(reply.statusCode, 200, reply.body);
    }
  }
});
