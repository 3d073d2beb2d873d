import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatCompletion } from '../../src/schemas/chat.js';
import { build } from '../helpers/app.js';

const chat = '/v1/chat/completions';
const text = '/v1/completions';
const messages = [{ role: 'user', content: 'Hi' }];

type Row = [body: object | string, param: string | null, message: RegExp];

/** Each body is refused with 400, naming field, limit and value; the server goes on. */
function refuses(name: string, url: string, rows: readonly Row[]): void {
  test(name, async (t) => {
    const { refused, post, engine } = await build(t, { capacity: 64 });
    for (const [body, param, message] of rows) {
      const error = await refused(url, body);
      const shown = JSON.stringify(body);
      assert.equal(error.status, 400, `${shown}: ${error.message}`);
      assert.equal(error.type, 'invalid_request_error', shown);
      assert.equal(error.param, param, `${shown}: ${error.message}`);
      assert.match(error.message, message, shown);
    }
    assert.equal(engine.requests.length, 0);
    await post(chat, { messages }, ChatCompletion);
  });
}

refuses('wrong types and values name field, requirement and value', chat, [
  ['[]', null, /^the request body must be an object; received an empty list\.$/],
  ['3', null, /the request body must be an object; received 3/],
  [{}, 'messages', /^messages must be a list; received nothing\.$/],
  [{ messages: [] }, 'messages', /^messages must be a list of at least 1 item; received an empty list\.$/],
  [{ messages: 'Hi' }, 'messages', /^messages must be a list; received "Hi"\.$/],
  [{ messages: [3] }, 'messages.0', /^messages\.0 must be an object; received 3\.$/],
  [{ messages: [{ role: 'user' }] }, 'messages.0.content', /must be a string or a list; received nothing/],
  [
    { messages: [{ role: 'robot', content: 'x' }] },
    'messages.0.role',
    /must be one of "system", "developer", "user", "assistant", "tool", "function"; received "robot"/,
  ],
  [
    { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] },
    'messages.0.content.0.type',
    /this server reads text only; received "image_url"/,
  ],
  [{ messages, temperature: 3 }, 'temperature', /^temperature must be at most 2; received 3\.$/],
  [{ messages, temperature: -0.1 }, 'temperature', /at least 0; received -0\.1/],
  [{ messages, temperature: '1' }, 'temperature', /must be a finite number; received "1"/],
  [
    '{"messages":[{"role":"user","content":"Hi"}],"temperature":1e400}',
    'temperature',
    /finite number; received Infinity/,
  ],
  [{ messages, top_p: 0 }, 'top_p', /must be above 0; received 0/],
  [{ messages, top_k: -2 }, 'top_k', /at least -1; received -2/],
  [{ messages, top_k: 1.5 }, 'top_k', /must be an integer; received 1\.5/],
  [{ messages, min_p: 1.1 }, 'min_p', /at most 1; received 1\.1/],
  [{ messages, repetition_penalty: 0 }, 'repetition_penalty', /above 0; received 0/],
  [{ messages, presence_penalty: 2.1 }, 'presence_penalty', /at most 2; received 2\.1/],
  [{ messages, seed: 1.5 }, 'seed', /must be an integer of at most 64 bits; received 1\.5/],
  [{ messages, seed: 1e30 }, 'seed', /must be an integer of at most 64 bits; received 1e\+30/],
  [{ messages, max_tokens: 0 }, 'max_tokens', /at least 1; received 0/],
  [{ messages, n: 0 }, 'n', /at least 1; received 0/],
  [{ messages, n: 5 }, 'n', /^n must be at most 4, the slots of this server; received 5\.$/],
  [{ messages, n: 1_000_000 }, 'n', /at most 4, the slots of this server; received 1000000/],
  [{ messages, min_tokens: 9, max_tokens: 8 }, 'min_tokens', /at most the answer's length \(8\); received 9/],
  [{ messages, stop: '' }, 'stop', /a string of at least 1 character/],
  [{ messages, stop: ['a', ''] }, 'stop.1', /a string of at least 1 character; received ""/],
  [{ messages, stop: Array(17).fill('x') }, 'stop', /a list of at most 16 items; received a list of 17/],
  [{ messages, stop_token_ids: [-1] }, 'stop_token_ids', /holds token id -1; ids run from 0 to/],
  [
    { messages, stop_token_ids: [0x110000] },
    'stop_token_ids',
    /holds token id 1114112; ids run from 0 to 1114111/,
  ],
  [{ messages, logit_bias: { x: 1 } }, 'logit_bias', /keys are token ids from 0 to 1114111; received "x"/],
  [{ messages, logit_bias: { '-1': 1 } }, 'logit_bias', /received "-1"/],
  [{ messages, logit_bias: { x: 1, 65: 1, y: 2 } }, 'logit_bias', /received "x, y"/],
  [{ messages, logit_bias: { 65: 101 } }, 'logit_bias.65', /at most 100; received 101/],
  [
    { messages, logit_bias: Object.fromEntries(Array.from({ length: 1025 }, (_, i) => [i, 1])) },
    'logit_bias',
    /at most 1024 token ids/,
  ],
  [{ messages, stream: 'yes' }, 'stream', /must be a boolean; received "yes"/],
  [{ messages, stream_options: { include_usage: true } }, 'stream_options', /left out unless stream is true/],
]);

refuses('what would be ignored in silence is refused', chat, [
  [{ messages, top_logprobs: 2 }, 'top_logprobs', /unless logprobs is true/],
  [{ messages, logprobs: true, top_logprobs: 21 }, 'top_logprobs', /at most 20; received 21/],
  [{ messages, tools: [{ type: 'function' }] }, 'tools.0.function', /must be an object/],
  [{ messages, tool_choice: 'required' }, 'tool_choice', /without tools/],
  [{ messages, response_format: { type: 'xml' } }, 'response_format.type', /must be/],
  [{ messages, guided_json: true }, 'structured_outputs.json', /must be/],
  [{ messages, guided_regex: 'a', guided_choice: ['b'] }, 'structured_outputs', /received .*regex, choice/],
  [
    { messages, grammar: 'root ::= "a"', structured_outputs: { grammar: 'root ::= "b"' } },
    'grammar',
    /must be left out where structured_outputs.grammar is given/,
  ],
  [{ messages, n_predict: 5, max_tokens: 6 }, 'n_predict', /left out where max_tokens is given; received 5/],
  [{ messages, repeat_penalty: 0 }, 'repetition_penalty', /above 0; received 0/],
  [{ messages, mirostat: 2 }, 'mirostat', /not supported yet; leave it out/],
  [{ messages, strenght: 1, concept: 'pirate' }, 'strenght', /did you mean "strength"\?/],
  [{ messages, Concept: 'pirate' }, 'Concept', /did you mean "concept"\?/],
  [{ messages, concepts: ['pirate'] }, 'concepts', /did you mean "concept"\?/],
  [{ messages, steer: {} }, 'steer', /did you mean "steering"\?/],
  [{ messages, concept: 'pirate', scale: 'raw' }, 'scale', /belongs inside steering/],
  [
    { messages, extra_body: { concept: 'pirate' } },
    'extra_body',
    /at the top level of the body: \{"concept"/,
  ],
  [{ messages, extra_body: { top_k: 5 } }, 'extra_body', /at the top level of the body: \{"top_k"/],
  [{ messages, steer_vector_request: {} }, 'steer_vector_request', /did you mean "steering"\?/],
  [{ messages, steering_config: { vectors: [] } }, 'steering_config', /did you mean "steering"\?/],
  [{ messages, features: [{ index: 1 }] }, 'features', /did you mean "steering"\?/],
  [{ messages, vector_name: 'pirate' }, 'vector_name', /did you mean "concept"\?/],
  [{ messages, steering: { concpet: 'pirate' } }, 'steering', /did you mean "concept"\?/],
  [{ messages, strength: 1 }, 'strength', /together with concept/],
  [{ messages, concept: 'pirate', strength: 1e9 }, 'strength', /-100 to 100; received 1000000000/],
  [
    '{"messages":[{"role":"user","content":"Hi"}],"concept":"pirate","strength":1e400}',
    'strength',
    /finite number/,
  ],
  [{ messages, concept: 'pirate', strength: 'x' }, 'strength', /finite number; received "x"/],
  ['{"messages":[],"concept":"pirate","strength":NaN}', null, /^the request body is not valid JSON: .*N/],
]);

refuses('prompts that cannot be', text, [
  [{}, 'prompt', /received nothing/],
  [{ prompt: '' }, 'prompt', /is empty/],
  [{ prompt: [] }, 'prompt', /is empty/],
  [{ prompt: [[]] }, 'prompt', /is empty/],
  [{ prompt: ['a', ''] }, 'prompt.1', /is empty/],
  [{ prompt: [1, 'a'] }, 'prompt.1', /must be an integer; received "a"/],
  [{ prompt: [-1] }, 'prompt', /holds token id -1; ids run from 0 to 1114111/],
  [{ prompt: [[65], [2_000_000]] }, 'prompt.1', /holds token id 2000000/],
  [{ prompt: Array(300).fill('a') }, 'prompt', /at most 256 prompts; received 300/],
  [{ prompt: Array(200).fill('a'), n: 2 }, 'prompt', /at most 128 prompts; received 200/],
  [{ prompt: 'a', max_tokens: 0 }, 'max_tokens', /at least 1 without echo; received 0/],
  [{ prompt: 'a', suffix: 'b' }, 'suffix', /not supported yet/],
  [{ prompt: 'a', best_of: 3 }, 'best_of', /the value of n/],
  [{ prompt: 'a', logprobs: true }, 'logprobs', /must be an integer; received true/],
  [{ prompt: 'a', prompt_logprobs: 1, stream: true }, 'prompt_logprobs', /left out with stream/],
]);

refuses('what does not fit the context, with the numbers', chat, [
  [
    { messages: [{ role: 'user', content: 'x'.repeat(100) }] },
    'messages',
    /has 118 tokens and 1 more is asked for, but this model's maximum context length is 64 tokens/,
  ],
  [
    { messages, max_tokens: 60, max_tokens_overflow: 'error' },
    'messages',
    /has 20 tokens and 60 more are asked for, but this model's maximum context length is 64 tokens/,
  ],
  [
    { messages: [{ role: 'user', content: 'x'.repeat(64 * 64 + 1) }] },
    'messages',
    /has 4097 characters; this model's maximum context length is 64 tokens, so at most 4096 characters are read/,
  ],
]);

test('idle values of unsupported fields are no reason to refuse', async (t) => {
  const { post } = await build(t);
  const idle = {
    logprobs: false,
    top_logprobs: null,
    tools: [],
    response_format: { type: 'text' },
    modalities: ['text'],
    parallel_tool_calls: true,
    store: false,
    content: undefined,
  };
  await post(chat, { messages, ...idle }, ChatCompletion);
});

test('a model or concept that does not exist is 404, whether streaming or not', async (t) => {
  const { refused } = await build(t);
  for (const stream of [false, true]) {
    const model = await refused(chat, { messages, model: 'gpt-4', stream });
    assert.deepEqual([model.status, model.param, model.code], [404, 'model', 'model_not_found']);
    assert.match(model.message, /"gpt-4" does not exist; this server has: tiny/);
    const concept = await refused(chat, { messages, concept: 'nope', stream });
    assert.deepEqual([concept.status, concept.param, concept.code], [404, 'concept', 'concept_not_found']);
    assert.match(concept.message, /"nope" does not exist for model tiny; it has: ocean, pirate/);
  }
});

test('a model that is loading is 503 with Retry-After', async (t) => {
  const { refused } = await build(t, { loaded: () => false });
  const error = await refused(chat, { messages });
  assert.deepEqual([error.status, error.code], [503, 'model_unavailable']);
  assert.equal((error.headers as Record<string, unknown>)['retry-after'], '2');
});
