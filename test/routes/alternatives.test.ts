/** One request, several steerings; and steering by the model's name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatCompletion, ChatCompletionChunk } from '../../src/schemas/chat.js';
import { Completion, CompletionChunk } from '../../src/schemas/completions.js';
import { ModelList, ModelObject } from '../../src/schemas/models.js';
import { build } from '../helpers/app.js';
import { events } from '../helpers/sse.js';

const chat = '/v1/chat/completions';
const text = '/v1/completions';
const messages = [{ role: 'user', content: 'Hi' }];
const pirate = { concept: 'pirate', strength: 1 };
const ocean = { concept: 'ocean', strength: 0.5 };

test('alternatives come back as choices: same seed, their own edit and receipt, n of each in order', async (t) => {
  const { post, engine } = await build(t, {
    answer: (_, { sampling, edit }) => `${sampling.seed}/${edit.length}`,
  });
  const steering = { choices: [null, [pirate, ocean]] };
  const { choices, steering: top } = await post(
    chat,
    { messages, steering, n: 2, seed: 7 },
    ChatCompletion.strict(),
  );
  assert.equal(top, undefined);
  assert.deepEqual(
    choices.map(({ index, message }) => [index, message.content]),
    [
      [0, '7/0'],
      [1, '8/0'],
      [2, '7/2'],
      [3, '8/2'],
    ],
  );
  assert.deepEqual(
    choices.map(({ steering }) => steering?.map(({ concept }) => concept)),
    [[], [], ['pirate', 'ocean'], ['pirate', 'ocean']],
  );
  assert.equal(engine.requests.length, 4);
});

test('each stream of an alternative begins with its receipt, in both shapes', async (t) => {
  const { app, post } = await build(t);
  for (const [url, body, Chunk] of [
    [chat, { messages }, ChatCompletionChunk],
    [text, { prompt: ['a', 'b'] }, CompletionChunk],
  ] as const) {
    const payload = { ...body, steering: { choices: [pirate, null] } };
    const whole = await post(url, payload, url === chat ? ChatCompletion : Completion);
    const reply = await app.inject({ method: 'POST', url, payload: { ...payload, stream: true } });
    const choices = events(reply.body)
      .slice(0, -1)
      .flatMap((chunk) => Chunk.strict().parse(chunk).choices as { index: number; steering?: unknown }[]);
    for (const { index, steering } of whole.choices) {
      const own = choices.filter((choice) => choice.index === index);
      assert.deepEqual(own[0]?.steering, steering);
      assert.ok(own.slice(1).every((choice) => choice.steering === undefined));
    }
  }
});

test('alternatives that cannot be are refused by their place', async (t) => {
  const { refused, engine } = await build(t);
  const rows: [object, string, RegExp][] = [
    [{ steering: { choices: [] } }, 'steering.choices', /at least one/],
    [{ steering: { choices: Array(5).fill(null) } }, 'steering.choices', /at most 4, .* 5 times 1/],
    [{ steering: { choices: [null, pirate, ocean] }, n: 2 }, 'steering.choices', /3 times 2/],
    [{ steering: { choices: [null, { concpet: 'x' }] } }, 'steering.choices.1', /did you mean "concept"/],
    [{ steering: { choices: [null], n: 2 } }, 'steering', /has no field "n"/],
    [{ steering: { choices: [null, { concept: 'nope' }] } }, 'steering.choices.1.concept', /"nope"/],
    [{ steering: { choices: [null] }, ...pirate }, 'concept', /one place/],
  ];
  for (const [body, param, message] of rows) {
    const error = await refused(chat, { messages, ...body });
    assert.equal(error.param, param, error.message);
    assert.match(error.message, message);
  }
  assert.equal(engine.requests.length, 0);
});

test("a model's alias is the explicit form, in both shapes", async (t) => {
  const { post, engine } = await build(t);
  const explicit = await post(
    chat,
    { messages, steering: [{ ...pirate, strength: -0.5 }, ocean] },
    ChatCompletion,
  );
  const aliased = await post(chat, { messages, model: 'tiny@pirate:-0.5+ocean:.5' }, ChatCompletion);
  assert.deepEqual(aliased.steering, explicit.steering);
  assert.equal(aliased.model, 'tiny@pirate:-0.5+ocean:.5');
  assert.deepEqual(engine.requests[1]?.edit, engine.requests[0]?.edit);
  const one = await post(text, { prompt: 'x', model: 'tiny@pirate' }, Completion);
  assert.equal(one.steering?.[0]?.strength, 1);
});

test('an alias with other steering, of another form or of what is not there is an error', async (t) => {
  const { refused } = await build(t);
  const rows: [object, string, RegExp][] = [
    [{ model: 'tiny@pirate:1', ...ocean }, 'concept', /say it in one place/],
    [{ model: 'tiny@pirate:1', steering: { choices: [null] } }, 'steering', /say it in one place/],
    [{ model: 'tiny@pirate:1', strength: 1 }, 'strength', /together with concept/],
    [{ model: 'tiny@pirate:x' }, 'model', /model@concept:strength/],
    [{ model: 'tiny@pirate:1e9' }, 'model', /model@concept:strength/],
    [{ model: 'tiny@pirate:101' }, 'model', /-100 to 100/],
    [{ model: 'tiny@' }, 'model', /model@concept:strength/],
    [{ model: 'tiny@pirate:1+' }, 'model', /model@concept:strength/],
    [{ model: 'other@pirate:1' }, 'model', /does not exist/],
    [{ model: 'tiny@nope:1' }, 'concept', /"nope" does not exist/],
  ];
  for (const [body, param, message] of rows) {
    const error = await refused(chat, { messages, ...body });
    assert.equal(error.param, param, error.message);
    assert.match(error.message, message);
  }
});

test('aliases are listed on request, and can be retrieved', async (t) => {
  const { app } = await build(t);
  const get = async (url: string) => (await app.inject(url)).json() as unknown;
  const ids = async (url: string) => ModelList.parse(await get(url)).data.map(({ id }) => id);
  assert.deepEqual(await ids('/v1/models'), ['tiny']);
  assert.deepEqual(await ids('/v1/models?aliases=true'), ['tiny', 'tiny@ocean:1', 'tiny@pirate:1']);
  const alias = ModelObject.parse(await get(`/v1/models/${encodeURIComponent('tiny@ocean:1')}`));
  assert.deepEqual([alias.id, alias.parent], ['tiny@ocean:1', 'tiny']);
  assert.equal((await app.inject('/v1/models/tiny@nope:1')).statusCode, 404);
});
