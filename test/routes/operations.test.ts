/** What operators ask of a server: metrics, load, tokens. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorBody } from '../../src/schemas/errors.js';
import { Load } from '../../src/schemas/operations.js';
import { Detokenized, Tokenized } from '../../src/schemas/tokenize.js';
import { buildWithKeys } from '../access/keys.js';
import { build, gate, until } from '../helpers/app.js';
import { listen, open } from '../helpers/http.js';

const chat = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hi' }];

/** The value of a metric with exactly these labels. */
function value(
  text: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  let sum: number | undefined;
  for (const line of text.split('\n')) {
    const [, metric, inside = '', number] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const found = Object.fromEntries(
      [...inside.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text]),
    );
    // Answers are told apart by model and by whether they were steered: here they are added up.
    const { model_name, steered, ...others } = found;
    const same = [found, others].some((these) => JSON.stringify(these) === JSON.stringify(labels));
    if (metric === name && same) sum = (sum ?? 0) + Number(number);
  }
  return sum;
}

test('metrics count what was guessed, and what of it was right', async (t) => {
  const drafts = [undefined, { guessed: 4, right: 1 }, undefined, { guessed: 3, right: 3 }];
  const { app, post } = await build(t, { answer: () => 'abcd', draft: (step) => drafts[step - 1] });
  const { z } = await import('zod');
  await post(chat, { messages }, z.looseObject({}));
  const { body } = await app.inject('/metrics');
  assert.equal(value(body, 'steerd_spec_decode_num_draft_tokens_total'), 7);
  assert.equal(value(body, 'steerd_spec_decode_num_accepted_tokens_total'), 4);
});

test('metrics add up to what was answered', async (t) => {
  const { app, post } = await build(t, { answer: () => 'abcd' });
  const { z } = await import('zod');
  const Usage = z.object({ usage: z.object({ prompt_tokens: z.int(), completion_tokens: z.int() }) });
  let prompts = 0;
  for (const more of [
    {},
    { concept: 'pirate' },
    { concept: 'pirate', stream: false },
    { concept: 'ocean' },
  ]) {
    prompts += (await post(chat, { messages, ...more }, Usage)).usage.prompt_tokens;
  }
  await app.inject({ method: 'POST', url: chat, payload: { messages: [] } });
  await app.inject({ url: '/v1/concepts/nobody' });
  const reply = await app.inject('/metrics');
  assert.match(String(reply.headers['content-type']), /^text\/plain; version=/);
  const of = (name: string, labels = {}) => value(reply.body, `steerd_${name}`, labels);
  assert.equal(of('prompt_tokens_total'), prompts);
  assert.equal(of('generation_tokens_total'), 16);
  assert.equal(of('request_success_total', { finish_reason: 'stop' }), 4);
  assert.equal(of('steered_requests_total', { concept: 'pirate' }), 2);
  assert.equal(of('steered_requests_total', { concept: 'ocean' }), 1);
  await post(chat, { messages, stop: 'c' }, Usage);
  const { body: later } = await app.inject('/metrics');
  assert.equal(
    value(later, 'steerd_request_success_total', { finish_reason: 'stop' }),
    5,
    'a stop string too',
  );
  assert.equal(of('time_to_first_token_seconds_count'), 4);
  assert.equal(of('inter_token_latency_seconds_count'), 16, 'three between four tokens, one to the end');
  assert.equal(of('e2e_request_latency_seconds_count'), 4);
  assert.equal(of('concepts'), 2);
  assert.equal(of('model_ready'), 1);
  const route = { method: 'POST', route: chat };
  assert.equal(of('http_request_duration_seconds_count', { ...route, status: '200' }), 4);
  assert.equal(of('http_request_duration_seconds_count', { ...route, status: '400' }), 1);
  const named = { method: 'GET', route: '/v1/concepts/:name', status: '404' };
  assert.equal(of('http_request_duration_seconds_count', named), 1, "a route's pattern, not its URL");
});

test('answers are counted by model, key and whether they were steered', async (t) => {
  const built = await buildWithKeys(t, [{ name: 'team a' }, { name: 'b', scopes: ['metrics'] }], {
    answer: () => 'abcd',
  });
  const headers = built.with(built.secrets[0]);
  for (const more of [{}, { concept: 'pirate' }, { concept: 'ocean' }])
    await built.app.inject({ method: 'POST', url: chat, headers, payload: { messages, ...more } });
  const { body } = await built.app.inject({ url: '/metrics', headers: built.with(built.secrets[1]) });
  const by = (steered: string) => ({ model_name: 'tiny', steered });
  assert.equal(value(body, 'steerd_generation_tokens_total', by('true')), 8);
  assert.equal(value(body, 'steerd_generation_tokens_total', by('false')), 4);
  assert.equal(value(body, 'steerd_time_to_first_token_seconds_count', by('true')), 2);
  const counts =
    /steerd_key_(\w+)\{key="key-[0-9a-f]{12}",key_name="team a",model_name="tiny",steered="(\w+)"\} (\d+)/g;
  const counted = [...body.matchAll(counts)].map(([, what, steered, number]) => [
    what,
    steered,
    Number(number),
  ]);
  assert.deepEqual(
    counted.filter(([what]) => what !== 'prompt_tokens_total'),
    [
      ['answers_total', 'false', 1],
      ['answers_total', 'true', 2],
      ['generation_tokens_total', 'false', 4],
      ['generation_tokens_total', 'true', 8],
    ],
  );
});

test('what runs is seen while it runs, and gone when its client is', async (t) => {
  const half = gate();
  const { app, engine } = await build(t, {
    answer: () => 'abcd',
    pace: async (step) => step === 2 && half.passed,
  });
  const seen = async () => {
    const { body } = await app.inject('/metrics');
    return [value(body, 'steerd_num_requests_running'), value(body, 'steerd_kv_cache_usage_ratio')];
  };
  const reply = await open(`${await listen(app)}${chat}`, { messages, stream: true });
  await until(() => reply.text().includes('"b"'));
  const [running, cache = 0] = await seen();
  assert.equal(running, 1);
  assert.ok(cache > 0 && cache < 0.1);
  const { memory, ...load } = Load.parse((await app.inject('/load')).json());
  assert.deepEqual(load, { server_load: 1, running: 1, waiting: 0, slots: 4 });
  assert.ok(memory.resident > 1e6 && memory.resident < memory.machine, JSON.stringify(memory));
  reply.request.destroy();
  await until(() => app.answers.size === 0);
  half.open();
  await until(() => engine.running === 0);
  assert.deepEqual(await seen(), [0, 0]);
  const { body } = await app.inject('/metrics');
  assert.equal(value(body, 'steerd_request_aborted_total', { reason: 'client_gone' }), 1);
});

test('however many concepts there are, their labels are few', async (t) => {
  const { app } = await build(t);
  const { metrics } = app;
  for (let i = 0; i < 5000; i++) metrics.countSteered(`concept ${i}`);
  for (let i = 0; i < 3; i++) metrics.countSteered('concept 7');
  const { body } = await app.inject('/metrics');
  assert.equal(
    body.split('\n').filter((line) => line.startsWith('steerd_steered_requests_total{')).length,
    101,
  );
  assert.equal(value(body, 'steerd_steered_requests_total', { concept: 'concept 7' }), 4);
  assert.equal(value(body, 'steerd_steered_requests_total', { concept: 'other' }), 4900);
});

test('tokens of a text and of messages, and back', async (t) => {
  const { post, refused } = await build(t, { capacity: 64 });
  const text = 'h\u00e9 \u{1f642}!';
  const body = { prompt: text, add_special_tokens: false, return_offsets: true, return_token_strs: true };
  const tokenized = await post('/tokenize', body, Tokenized);
  assert.deepEqual([tokenized.count, tokenized.max_model_len], [5, 64]);
  assert.deepEqual(tokenized.token_strs, [...text]);
  assert.deepEqual(
    tokenized.offsets,
    [...text].map((_, i) => [i, i + 1]),
  );
  assert.equal((await post('/detokenize', { tokens: tokenized.tokens }, Detokenized)).prompt, text);
  assert.equal((await post('/tokenize', { prompt: text }, Tokenized)).count, 6);
  const asked = await post('/tokenize', { messages }, Tokenized);
  const bare = await post('/tokenize', { messages, add_generation_prompt: false }, Tokenized);
  assert.equal(asked.count - bare.count, '<assistant>'.length);
  for (const [wrong, param] of [
    [{}, 'prompt'],
    [{ prompt: 'a', messages }, 'prompt'],
    [{ messages, chat_template: '{% for x in range(9**9) %}{% endfor %}' }, 'chat_template'],
    [{ prompt: 'x'.repeat(20_000) }, 'prompt'],
  ] as const) {
    const error = await refused('/tokenize', wrong);
    assert.deepEqual([error.status, error.param], [400, param]);
  }
  for (const tokens of [[-1], [0x110000], [1.5], 'x']) {
    assert.equal((await refused('/detokenize', { tokens })).status, 400);
  }
});

test('load and tokens wait for the model', async (t) => {
  const { app } = await build(t, { loaded: () => false });
  for (const [method, url, payload] of [
    ['GET', '/load', undefined],
    ['POST', '/tokenize', { prompt: 'a' }],
    ['POST', '/detokenize', { tokens: [65] }],
  ] as const) {
    const reply = await app.inject({ method, url, ...(payload && { payload }) });
    assert.equal(reply.statusCode, 503);
    assert.equal(ErrorBody.parse(reply.json()).error.code, 'model_unavailable');
    assert.ok(Number(reply.headers['retry-after']) > 0);
  }
  const { body } = await app.inject('/metrics');
  assert.equal(value(body, 'steerd_model_ready'), 0);
});
