/** Conversations with the real model: what was read before is said, and changes no answer. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ChatCompletion } from '../../../src/schemas/chat.js';
import { post, startServerProcess, suiteServer, temporaryData } from '../running-server.js';

const beginning =
  'You tell short stories about the sea, the harbour and the people who live there, one at a time, in plain words. ';
const weather = {
  type: 'object',
  properties: { weather: { enum: ['fair', 'foul'] } },
  required: ['weather'],
};

describe('prefix reuse', () => {
  const running = suiteServer();

  test('answers are those of a server that keeps nothing, plain, steered, constrained and several at once', async (t) => {
    const data = await temporaryData();
    const cold = await startServerProcess(data.directory, { STEERD_PREFIX_MEMORY: '0' });
    t.after(async () => {
      await cold.stop();
      await data.clean();
    });
    const pirate = { concept: 'pirate', strength: 1 };
    for (const more of [
      {},
      { steering: [pirate] },
      { steering: [{ ...pirate, positions: 'generated' }] },
      { n: 3, temperature: 0.9, seed: 7 },
      { steering: { choices: [null, pirate, { ...pirate, positions: 'generated' }] } },
      { response_format: { type: 'json_schema', json_schema: { name: 'weather', schema: weather } } },
      { monitor: [{ concept: 'pirate' }], logprobs: true, top_logprobs: 2 },
    ]) {
      const messages = [{ role: 'system', content: beginning }];
      const cached = [];
      for (const question of [
        'Tell me about the old boat.',
        'And who sails it now?',
        'What happened next?',
      ]) {
        messages.push({ role: 'user', content: question });
        const body = { messages, temperature: 0, max_tokens: 20, ...more };
        const [warm, expected] = await Promise.all(
          [running(), cold].map(async (server) => {
            const { json } = await post(server, '/v1/chat/completions', body);
            return ChatCompletion.parse(json);
          }),
        );
        assert.deepEqual(warm?.choices, expected?.choices);
        assert.equal(expected?.usage.prompt_tokens_details.cached_tokens, 0);
        cached.push(warm?.usage.prompt_tokens_details.cached_tokens ?? -1);
        messages.push({ role: 'assistant', content: warm?.choices[0]?.message.content ?? '' });
      }
      const [, second = 0, third = 0] = cached;
      assert.ok(second > 30 && third > second, `${JSON.stringify(more)}: ${cached.join(', ')}`);
    }
  });
});
