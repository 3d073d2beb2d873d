/** The official `openai` client against the running server: every endpoint it knows that there is here. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { addKey } from '../../src/access/key-store.js';
import { type ServerProcess, startServerProcess, temporaryData } from './running-server.js';

const model = 'smollm2-135m-instruct';
const messages = [{ role: 'user' as const, content: 'Tell me about someone you met today.' }];
const Person = z.object({
  name: z.string().max(16),
  age: z.int().min(0).max(120),
  mood: z.enum(['glad', 'sad']),
  id: z.int(),
});
const forecast = {
  type: 'object',
  properties: { city: { type: 'string', maxLength: 16 }, days: { type: 'integer', minimum: 1 } },
  required: ['city', 'days'],
  additionalProperties: false,
};
const chatTool = { type: 'function' as const, function: { name: 'forecast', parameters: forecast } };
const responseTool = { type: 'function' as const, name: 'forecast', parameters: forecast, strict: true };
const isForecast = (text: string) =>
  z.fromJSONSchema(forecast as Record<string, unknown>).safeParse(JSON.parse(text)).success;

describe('the official client', () => {
  let server: ServerProcess;
  let data: Awaited<ReturnType<typeof temporaryData>>;
  let client: OpenAI;
  let as: (key: 'small' | 'limited' | 'capped' | 'wrong') => OpenAI;

  before(async () => {
    data = await temporaryData();
    const add = (grant: object) =>
      addKey(data.directory, { name: 'test', scopes: ['completions'], ...grant }).then(
        ({ secret }) => secret,
      );
    const keys = {
      all: await add({ scopes: ['admin'] }),
      small: await add({ scopes: ['concepts:read'] }),
      limited: await add({ requests_per_minute: 1 }),
      capped: await add({ max_strength: 0.5 }),
      wrong: 'sk-steerd-wrong',
    };
    server = await startServerProcess(data.directory);
    client = server.client.withOptions({ apiKey: keys.all });
    as = (key) => server.client.withOptions({ apiKey: keys[key] });
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
    await data.clean();
  });

  test('models: listed, retrieved, by alias', async () => {
    const ids: string[] = [];
    for await (const { id } of client.models.list()) ids.push(id);
    assert.deepEqual(ids, [model]);
    assert.equal((await client.models.retrieve(model)).object, 'model');
    assert.equal((await client.models.retrieve(`${model}@pirate:0.5`)).id, `${model}@pirate:0.5`);
    await assert.rejects(client.models.retrieve('nobody'), OpenAI.NotFoundError);
  });

  test('chat: plain and streamed say the same, with choices, log-probabilities and usage; the alias steers', async () => {
    const body = {
      model: `${model}@pirate:0.8`,
      messages,
      seed: 3,
      max_tokens: 12,
      logprobs: true,
      top_logprobs: 2,
    };
    const plain = await client.chat.completions.create({ ...body, n: 2 });
    assert.equal(plain.choices.length, 2);
    const steered = plain as unknown as { steering: { concept: string; coefficients: number[] }[] };
    assert.equal(steered.steering[0]?.concept, 'pirate');
    const runner = client.chat.completions.stream({ ...body, stream_options: { include_usage: true } });
    const final = await runner.finalChatCompletion();
    assert.equal(final.choices[0]?.message.content, plain.choices[0]?.message.content);
    assert.equal(final.choices[0]?.logprobs?.content?.length, final.usage?.completion_tokens);
    const unsteered = await client.chat.completions.create({ ...body, model });
    assert.notEqual(unsteered.choices[0]?.message.content, plain.choices[0]?.message.content);
  });

  test('text completions: several prompts, echo, log-probabilities; streamed', async () => {
    const body = {
      model,
      prompt: ['Far away', 'Once upon'],
      max_tokens: 6,
      seed: 1,
      logprobs: 1,
      echo: true,
    };
    const plain = await client.completions.create(body);
    assert.ok(plain.choices[1]?.text.startsWith('Once upon'));
    assert.equal(plain.choices[0]?.logprobs?.token_logprobs?.[0], null);
    const texts = ['', ''];
    for await (const { choices } of await client.completions.create({ ...body, stream: true }))
      for (const { index, text } of choices) texts[index] += text;
    assert.deepEqual(
      texts,
      plain.choices.map(({ text }) => text),
    );
  });

  test("zod's types: chat and responses parse what comes, steered and hot", async () => {
    const steering = { concept: 'pirate', strength: 2, temperature: 1, seed: 4 };
    const chat = await client.chat.completions.parse({
      model,
      messages,
      max_tokens: 200,
      response_format: zodResponseFormat(Person, 'person'),
      ...steering,
    });
    assert.ok(Person.safeParse(chat.choices[0]?.message.parsed).success);
    const response = await client.responses.parse({
      model,
      input: 'Tell me about someone you met today.',
      max_output_tokens: 200,
      text: { format: zodTextFormat(Person, 'person') },
      ...steering,
    });
    assert.ok(Person.safeParse(response.output_parsed).success);
  });

  test('functions: chat and responses call them, whole and streamed, and go on from the result', async () => {
    const asked = {
      model,
      messages,
      tools: [chatTool],
      tool_choice: 'required' as const,
      seed: 2,
      max_tokens: 200,
    };
    const chat = { ...asked, parallel_tool_calls: false };
    const plain = await client.chat.completions.create(chat);
    const streamed = await client.chat.completions.stream(chat).finalChatCompletion();
    const call = plain.choices[0]?.message.tool_calls?.[0];
    const same = streamed.choices[0]?.message.tool_calls?.[0];
    assert.ok(call?.type === 'function' && same?.type === 'function' && isForecast(call.function.arguments));
    assert.equal(same.function.arguments, call.function.arguments);
    const answer = await client.chat.completions.create({
      model,
      messages: [
        ...messages,
        { role: 'assistant', tool_calls: [call] },
        { role: 'tool', tool_call_id: call.id, content: 'sunny' },
      ],
      max_tokens: 8,
    });
    assert.equal(typeof answer.choices[0]?.message.content, 'string');

    const input = 'What is the weather in Rome?';
    const body = {
      ...{ model, input, tools: [responseTool], tool_choice: 'required' as const },
      ...{ parallel_tool_calls: false, max_output_tokens: 200, concept: 'pirate', strength: 1 },
    };
    const runner = client.responses.stream(body);
    let args = '';
    runner.on('response.function_call_arguments.delta', ({ delta }) => {
      args += delta;
    });
    const response = await runner.finalResponse();
    const [item] = response.output;
    assert.ok(item?.type === 'function_call' && item.name === 'forecast' && isForecast(item.arguments));
    assert.equal(args, item.arguments);
    const output = { type: 'function_call_output' as const, call_id: item.call_id, output: 'sunny' };
    const { id, call_id, name, arguments: given } = item;
    const after = await client.responses.create({
      model,
      input: [
        { role: 'user', content: input },
        { type: 'function_call', id, call_id, name, arguments: given },
        output,
      ],
      max_output_tokens: 8,
    });
    assert.equal(after.output[0]?.type, 'message');
  });

  test('vectors of a concept, sent inline, make the same answer as the concept', async () => {
    const exported = await client.get<{ vectors: Record<string, string> }>(
      '/concepts/pirate/vectors?format=json&encoding=base64',
    );
    const layer = 15;
    const ask = async (item: object) => {
      const body = {
        model,
        messages,
        temperature: 0,
        max_tokens: 16,
        steering: { layers: [layer], ...item },
      };
      const reply = await client.chat.completions.create(body);
      return reply.choices[0]?.message.content;
    };
    const raw = { scale: 'raw', strength: 40 };
    const stored = await ask({ concept: 'pirate', ...raw });
    assert.equal(await ask({ vectors: { [layer]: exported.vectors[layer] }, ...raw }), stored);
    assert.notEqual(await ask({ concept: 'pirate', strength: 0 }), stored);
  });

  test('an answer of allowed tokens only, and one without bad words', async () => {
    const ask = async (more: object) => {
      const reply = await client.completions.create({
        model,
        prompt: 'The answer is',
        max_tokens: 8,
        ...more,
      });
      return reply.choices[0] as OpenAI.CompletionChoice & { token_ids?: number[] };
    };
    const { token_ids: greedy = [] } = await ask({ temperature: 0, return_token_ids: true });
    const allowed = greedy.slice(0, 2);
    const { token_ids: held = [] } = await ask({
      allowed_token_ids: allowed,
      return_token_ids: true,
      temperature: 2,
    });
    assert.ok(held.length === 8 && held.every((token) => allowed.includes(token)));
    const { text } = await ask({ temperature: 0 });
    const word = text.trim().split(/\s+/)[0] ?? '';
    assert.ok(!(await ask({ temperature: 0, bad_words: [word] })).text.includes(` ${word} `));
  });

  test('errors are of the types that the client has', async () => {
    const chat = { model, messages, max_tokens: 2 };
    const create = (by: OpenAI, more: object = {}) => by.chat.completions.create({ ...chat, ...more });
    const rows: [() => Promise<unknown>, abstract new (...args: never[]) => Error, string | null][] = [
      [() => create(client, { temperature: 3 }), OpenAI.BadRequestError, 'temperature'],
      [() => create(client, { strenght: 1 }), OpenAI.BadRequestError, 'strenght'],
      [
        () => create(client, { steering: { vectors: { 1: 'AAAA' } } }),
        OpenAI.BadRequestError,
        'steering.vectors.1',
      ],
      [() => client.responses.create({ model, input: '' }), OpenAI.BadRequestError, 'input'],
      [() => client.completions.create({ model, prompt: '' }), OpenAI.BadRequestError, 'prompt'],
      [() => create(as('wrong')), OpenAI.AuthenticationError, null],
      [() => create(as('small')), OpenAI.PermissionDeniedError, null],
      [
        () => create(as('capped'), { concept: 'pirate', strength: 2 }),
        OpenAI.PermissionDeniedError,
        'steering.strength',
      ],
      [() => create(client, { model: 'nobody' }), OpenAI.NotFoundError, 'model'],
      [() => create(client, { concept: 'nobody' }), OpenAI.NotFoundError, 'concept'],
    ];
    for (const [call, type, param] of rows) {
      await assert.rejects(call(), (error) => {
        assert.ok(error instanceof type && error instanceof OpenAI.APIError, `${type.name}: ${error}`);
        assert.equal(error.param ?? null, param, error.message);
        return true;
      });
    }
    await create(as('limited'));
    await assert.rejects(create(as('limited')), OpenAI.RateLimitError);
    const refusedStream = client.chat.completions.create({ ...chat, temperature: 3, stream: true });
    await assert.rejects(refusedStream, OpenAI.BadRequestError);
  });

  test('aborting, as a signal or by leaving a stream, frees the slot', async () => {
    const long = { model, messages, max_tokens: 2_000, ignore_eos: true };
    const controller = new AbortController();
    const waiting = client.chat.completions.create(long, { signal: controller.signal });
    setTimeout(() => controller.abort(), 150);
    await assert.rejects(waiting, OpenAI.APIUserAbortError);
    for await (const _ of await client.chat.completions.create({ ...long, stream: true })) break;
    for await (const event of await client.responses.create({
      model,
      input: 'Hi',
      stream: true,
      ignore_eos: true,
    } as OpenAI.Responses.ResponseCreateParamsStreaming))
      if (event.type === 'response.output_text.delta') break;
    const running = async () => {
      const load = await client.get<object>(`${server.url}/load`);
      return JSON.stringify(load);
    };
    for (let i = 0; i < 100 && /"running":[1-9]/.test(await running()); i++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    assert.doesNotMatch(await running(), /"running":[1-9]/);
  });
});
