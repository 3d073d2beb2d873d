/** Baseline and steered answers of the real model in one request, and what their log-probabilities say. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ChatCompletion } from '../../../src/schemas/chat.js';
import { Completion } from '../../../src/schemas/completions.js';
import { answer, post, suiteServer } from '../running-server.js';

const question = 'What did you do today?';
const messages = [{ role: 'user', content: question }];

describe('alternatives and log-probabilities', () => {
  const running = suiteServer();

  test('alternatives are the answers of separate requests, each with its receipt', async () => {
    const pirate = { concept: 'pirate', strength: 1 };
    const alternatives = [null, pirate, [pirate, { concept: 'sad', strength: 0.5 }]];
    const body = { messages, temperature: 0, max_tokens: 16, steering: { choices: alternatives } };
    const { json } = await post(running(), '/v1/chat/completions', body);
    const { choices } = ChatCompletion.strict().parse(json);
    for (const [i, steering] of alternatives.entries()) {
      const alone = await answer(running(), question, { steering }, { max_tokens: 16 });
      assert.equal(choices[i]?.message.content, alone);
    }
    assert.equal(new Set(choices.map(({ message }) => message.content)).size, 3);
    assert.deepEqual(
      choices.map(({ steering }) => steering?.length),
      [0, 1, 2],
    );
  });

  test('the alias of a model steers as the explicit form does', async () => {
    const explicit = await answer(running(), question, { concept: 'ocean', strength: 0.8 });
    const aliased = await answer(running(), question, {}, { model: 'smollm2-135m-instruct@ocean:0.8' });
    assert.equal(aliased, explicit);
  });

  test('echoing an answer scores it as it was made, and its tokens add up to the text', async () => {
    const body = { prompt: '☕ The sea at dawn was', temperature: 0, max_tokens: 8, logprobs: 3, echo: true };
    const complete = async (more: object) =>
      Completion.strict().parse((await post(running(), '/v1/completions', { ...body, ...more })).json)
        .choices[0];
    const made = await complete({});
    assert.ok(made?.logprobs);
    assert.ok(made.text.startsWith(body.prompt));
    const again = await complete({ prompt: made.text, max_tokens: 0 });
    assert.deepEqual(again?.logprobs?.tokens, made.logprobs.tokens);
    made.logprobs.token_logprobs.forEach((logprob, i) => {
      const read = again?.logprobs?.token_logprobs[i] ?? null;
      if (logprob === null || read === null) assert.equal(logprob, read);
      // Prefill and decode go through other kernels, whose last bits int8 rounding makes more of.
      else assert.ok(Math.abs(logprob - read) < 0.25, `token ${i}: ${logprob}, ${read}`);
    });
    const { tokens, text_offset } = made.logprobs;
    tokens.forEach((token, i) => {
      if (!token.startsWith('bytes:') && token.trim() !== '')
        assert.ok(made.text.startsWith(token, text_offset[i]), `${token} at ${text_offset[i]}`);
    });
  });
});
