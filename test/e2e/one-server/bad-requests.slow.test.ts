/** Requests that are wrong: OpenAI's error shape with field, limit and value, and a server that goes on. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answer, post, suiteServer } from '../running-server.js';

const messages = [{ role: 'user', content: 'Hi' }];
const chat = (more: object) => ({ messages, max_tokens: 4, ...more });

/** body, status, param, and what the message must hold */
const cases: readonly [string, unknown, number, string | null, RegExp][] = [
  ['unknown concept', chat({ concept: 'nobody' }), 404, 'concept', /"nobody".*ocean/],
  ['unknown model', chat({ model: 'gpt-9' }), 404, 'model', /"gpt-9".*smollm2-135m-instruct/],
  ['strength 1e9', chat({ concept: 'ocean', strength: 1e9 }), 400, 'strength', /100.*1000000000/],
  [
    'strength infinite',
    '{"messages":[{"role":"user","content":"Hi"}],"concept":"ocean","strength":1e999}',
    400,
    'strength',
    /strength/,
  ],
  ['strength a word', chat({ concept: 'ocean', strength: 'NaN' }), 400, 'strength', /number.*NaN/],
  ['strength alone', chat({ strength: 1 }), 400, null, /concept/],
  ['misspelt field', chat({ concept: 'ocean', strenght: 1 }), 400, 'strenght', /strength/],
  ['empty messages', chat({ messages: [] }), 400, 'messages', /messages/],
  ['no messages', { max_tokens: 4 }, 400, 'messages', /messages/],
  [
    'content a number',
    chat({ messages: [{ role: 'user', content: 5 }] }),
    400,
    'messages.0.content',
    /content/,
  ],
  ['messages a string', chat({ messages: 'Hi' }), 400, 'messages', /list.*Hi/],
  ['temperature 3', chat({ temperature: 3 }), 400, 'temperature', /2.*3/],
  ['n 1000000', chat({ n: 1_000_000 }), 400, 'n', /1000000/],
  ['max_tokens -1', chat({ max_tokens: -1 }), 400, 'max_tokens', /-1/],
  [
    'max_tokens beyond the context',
    chat({ max_tokens: 1_000_000, max_tokens_overflow: 'error' }),
    400,
    null,
    /4096/,
  ],
  [
    'prompt beyond the context',
    chat({ messages: [{ role: 'user', content: 'word '.repeat(20_000) }] }),
    400,
    'messages',
    /4096/,
  ],
  ['malformed JSON', '{"messages": [', 400, null, /JSON/],
  ['layer out of range', chat({ steering: { concept: 'ocean', layers: [99] } }), 400, null, /99/],
];

describe('bad requests', () => {
  const running = suiteServer();

  test('each gets its own clear error while a stream goes on unharmed', async () => {
    const server = running();
    const alone = await answer(server, 'Tell me a story.', { concept: 'ocean' }, { max_tokens: 120 });
    const beside = answer(server, 'Tell me a story.', { concept: 'ocean' }, { max_tokens: 120 });
    for (const [name, body, status, param, message] of cases) {
      const reply = await post(server, '/v1/chat/completions', body);
      const { error } = reply.json as { error: Record<string, unknown> };
      assert.deepEqual(
        [reply.status, Object.keys(error).sort()],
        [status, ['code', 'message', 'param', 'type']],
        name,
      );
      assert.match(String(error.message), message, name);
      if (param !== null) assert.equal(error.param, param, `${name}: ${error.message}`);
    }
    assert.equal(await beside, alone);
  });

  test('fits that cannot work are refused before anything runs', async () => {
    const server = running();
    const examples = { positive: ['a', 'b'], negative: ['c', 'd'] };
    for (const [body, pattern] of [
      [{ name: 'x', prefix: '' }, /prefix/],
      [{ name: 'a/b', prefix: 'y' }, /name/],
      [{ name: 'x', prefix: 'y', recipe: 'magic' }, /recipe/],
      [{ name: 'x', prefix: 'y', method: 'magic' }, /method/],
      [{ name: 'x', prefix: 'y', statements: { positive: ['a'], negative: ['b'] } }, /statements/],
      [{ name: 'x', recipe: 'examples', examples, labels: 'soft' }, /labels/],
      [{ name: 'x', recipe: 'examples', examples: { ...examples, negative: examples.positive } }, /negative/],
    ] as const) {
      const { status, json } = await post(server, '/v1/fits', body);
      assert.equal(status, 400, JSON.stringify(json));
      assert.match((json as { error: { message: string } }).error.message, pattern);
    }
  });
});
