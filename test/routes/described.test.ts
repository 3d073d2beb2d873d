/** What a form refuses, the description forbids, and what it allows is taken: clients are made from it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Description } from '../fuzz/document.js';
import { build } from '../helpers/app.js';

const messages = [{ role: 'user', content: 'Hi' }];
const named = (name: string) => ({ type: 'function', function: { name } });
const allowed = (name: string) => ({
  tools: [{ type: 'function', function: { name: 'f' } }],
  tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [named(name)] } },
});
const call = { function: { name: 'f', arguments: { a: 1 } } };

/** By path: bodies, and whether they are taken. */
const rows: Readonly<Record<string, readonly (readonly [body: object, taken: boolean])[]>> = {
  '/v1/chat/completions': [
    [{ messages: [{ role: 'user' }] }, false],
    [{ messages: [{ role: 'system' }, ...messages] }, false],
    [{ messages: [{ role: 'user', content: null }] }, true],
    [{ messages: [...messages, { role: 'assistant' }, { role: 'tool', tool_call_id: 'c' }] }, true],
    [{ messages: [...messages, { role: 'assistant', tool_calls: [call] }] }, true],
    [{ messages: [...messages, { role: 'assistant', tool_calls: [{ id: 'c' }] }] }, false],
    [{ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] }, false],
    [{ messages, ...allowed('f') }, true],
    [{ messages, ...allowed('a name') }, false],
    [{ messages, allowed_token_ids: [-1] }, false],
    [{ messages, stop_token_ids: [-1] }, false],
    [{ messages, allowed_token_ids: [65] }, true],
    [{ messages, min_tokens: -1 }, false],
    [{ messages, max_tokens: '7' }, true],
    [{ messages, max_tokens: '0' }, false],
    [{ messages, max_tokens: 'many' }, false],
    [{ messages, max_completion_tokens: '7' }, true],
    [{ messages, steering: { concept: 'pirate', strength: null, layers: null, positions: null } }, true],
    [{ messages, steering: [{ concept: 'pirate', operation: null, scale: null }] }, true],
    [{ messages, steering: { items: [{ concept: 'pirate' }], budget: null, suspend: null } }, true],
    [{ messages, steering: { choices: [null, { concept: 'pirate', strength: null }] } }, true],
    [{ messages, steering: { concept: null } }, false],
    [{ messages, steering: { concept: 'pirate', positions: { from: null, to: 3 } } }, false],
    [{ messages, monitor: [{ concept: 'pirate', scale: null, detail: null }] }, true],
    [{ messages, stream_options: null, steering: null, concept: null }, true],
  ],
  '/v1/completions': [
    [{ prompt: [-1] }, false],
    [{ prompt: [[65], [-1]] }, false],
    [{ prompt: [65, 66], max_tokens: '3' }, true],
    [{ prompt: 'a', steering: { concept: 'pirate', scale: null } }, true],
  ],
  '/v1/responses': [
    [
      {
        input: [
          { role: 'user', content: null },
          { role: 'user', content: [] },
        ],
      },
      true,
    ],
    [
      {
        input: [
          ...messages,
          { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
          { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Why?' }] },
        ],
      },
      true,
    ],
    [{ input: 'Hi', text: { format: { type: 'text', name: null, schema: null } } }, true],
    [{ input: 'Hi', max_output_tokens: '5' }, true],
  ],
};

test('the description and the server agree on what may be sent', async (t) => {
  const description = await Description.read();
  const { app } = await build(t, { slots: 4 });
  for (const [path, bodies] of Object.entries(rows)) {
    const operation = description.operations.find((one) => one.path === path && one.method === 'POST');
    assert.ok(operation?.body, path);
    for (const [body, taken] of bodies) {
      const shown = `${path} ${JSON.stringify(body)}`;
      const { statusCode, body: reply } = await app.inject({ method: 'POST', url: path, payload: body });
      assert.equal(statusCode, taken ? 200 : 400, `${shown}: ${reply}`);
      const fault = description.faultOf(operation.body, body);
      assert.equal(fault === null, taken, `${shown}: the description says ${fault}`);
    }
  }
});

test('faults deep inside of examples and of messages are told with their path', async (t) => {
  const { refused } = await build(t);
  const chat = (content: unknown) => [{ role: 'user', content }];
  const fit = { name: 'x', prefix: 'You love snow.', recipe: 'examples' };
  const right = [chat('a'), chat('b')];
  const deep: readonly (readonly [url: string, body: object, param: string])[] = [
    [
      '/v1/fits',
      { ...fit, examples: { positive: [chat('a'), chat(3)], negative: right } },
      'examples.positive.1.0.content',
    ],
    ['/v1/fits', { ...fit, examples: { positive: right, negative: ['a', 3] } }, 'examples.negative.1'],
    [
      '/v1/fits',
      { ...fit, examples: { positive: right, negative: [chat('a'), [{ role: 'robot', content: 'b' }]] } },
      'examples.negative.1.0.role',
    ],
    [
      '/v1/chat/completions',
      { messages: [...messages, ...chat([{ type: 'text', text: 3 }])] },
      'messages.1.content.0.text',
    ],
    [
      '/v1/chat/completions',
      { messages, steering: { choices: [null, [{ concept: 'pirate' }, { concept: 'sad', strength: 'x' }]] } },
      'steering.choices.1.1.strength',
    ],
  ];
  for (const [url, body, param] of deep) {
    const error = await refused(url, body);
    assert.deepEqual([error.status, error.param], [400, param], error.message);
    assert.ok(error.message.startsWith(`${param} `), error.message);
  }
});
