/** The clients that people bring, from npm, before the real server: steered and not, whole and streamed. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import Anthropic from '@anthropic-ai/sdk';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { Agent, OpenAIChatCompletionsModel, Runner } from '@openai/agents';
import { generateText, streamText } from 'ai';
import { createAgent } from 'langchain';
import { Ollama } from 'ollama';
import { type ServerProcess, startServerProcess, temporaryData } from './running-server.js';

const model = 'smollm2-135m-instruct';
const question = 'What did you do today?';
const steering = { concept: 'pirate', strength: 1 };
const alias = `${model}@pirate:1`;

describe('clients from npm', () => {
  let data: Awaited<ReturnType<typeof temporaryData>>;
  let server: ServerProcess;
  before(async () => {
    data = await temporaryData();
    server = await startServerProcess(data.directory);
  });
  after(async () => {
    await server.stop();
    await data.clean();
  });

  /** What our own endpoint says, greedily. */
  const expected = async (more: object = {}): Promise<string> => {
    const reply = await server.client.chat.completions.create({
      model,
      messages: [{ role: 'user', content: question }],
      temperature: 0,
      max_tokens: 12,
      ...more,
    });
    return reply.choices[0]?.message.content ?? '';
  };

  /** Each way to ask says what our own endpoint says, with steering something else than without. */
  const sameAnswers = async (ask: (steered: boolean) => Promise<string>) => {
    const [plain, steered] = [await ask(false), await ask(true)];
    assert.equal(plain, await expected());
    assert.equal(steered, await expected(steering));
    assert.notEqual(plain, steered);
  };

  test('ai with @ai-sdk/openai-compatible: whole and streamed', async () => {
    const provider = createOpenAICompatible({ name: 'steerd', baseURL: `${server.url}/v1` });
    const asked = (steered: boolean) => ({
      model: provider(model),
      prompt: question,
      ...{ temperature: 0, maxOutputTokens: 12, maxRetries: 0 },
      ...(steered && { providerOptions: { steerd: steering } }),
    });
    await sameAnswers(async (steered) => (await generateText(asked(steered))).text);
    await sameAnswers(async (steered) => streamText(asked(steered)).text);
  });

  test('ai with @ai-sdk/openai: chat, and the default model, which speaks responses', async () => {
    const provider = createOpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none' });
    const asked = { prompt: question, temperature: 0, maxOutputTokens: 12, maxRetries: 0 };
    await sameAnswers(
      async (steered) =>
        (await generateText({ ...asked, model: provider.chat(steered ? alias : model) })).text,
    );
    await sameAnswers(
      async (steered) => (await generateText({ ...asked, model: provider(steered ? alias : model) })).text,
    );
  });

  test('@openai/agents: an agent answers', async () => {
    await sameAnswers(async (steered) => {
      const agent = new Agent({
        name: 'Asked',
        model: new OpenAIChatCompletionsModel(server.client as never, steered ? alias : model),
        modelSettings: { temperature: 0, maxTokens: 12 },
      });
      const { finalOutput } = await new Runner({ tracingDisabled: true }).run(agent, question);
      return finalOutput ?? '';
    });
  });

  test('langchain: a model, a stream of it, an agent, and embeddings', async () => {
    const configuration = { baseURL: `${server.url}/v1` };
    const made = (steered: boolean) =>
      new ChatOpenAI({
        ...{ model, apiKey: 'none', configuration, temperature: 0, maxTokens: 12, maxRetries: 0 },
        ...(steered && { modelKwargs: steering }),
      });
    await sameAnswers(async (steered) => String((await made(steered).invoke(question)).content));
    await sameAnswers(async (steered) => {
      let text = '';
      for await (const chunk of await made(steered).stream(question)) text += String(chunk.content);
      return text;
    });
    await sameAnswers(async (steered) => {
      const agent = createAgent({ model: made(steered), tools: [] });
      const { messages } = await agent.invoke({ messages: [{ role: 'user', content: question }] });
      return String(messages.at(-1)?.content);
    });
    const embeddings = new OpenAIEmbeddings({ model, apiKey: 'none', configuration });
    const [sea, waves, tax] = await embeddings.embedDocuments([
      'I love the ocean waves',
      'The sea and its waves',
      'Tax law of Belgium',
    ]);
    const cosine = (a: number[] = [], b: number[] = []) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
    assert.ok(Math.abs(cosine(sea, sea) - 1) < 1e-3);
    assert.ok(cosine(sea, waves) > cosine(sea, tax));
  });

  test('openai: embeddings in both encodings are the same numbers', async () => {
    const ask = (encoding_format: 'float' | 'base64') =>
      server.client.embeddings.create({ model, input: ['The sea.', 'Tax.'], encoding_format });
    const [float, bytes] = [await ask('float'), await ask('base64')];
    assert.equal(float.data.length, 2);
    const decoded = Buffer.from(String(bytes.data[1]?.embedding), 'base64');
    const values = float.data[1]?.embedding ?? [];
    assert.equal(decoded.length, 4 * values.length);
    for (const [i, value] of values.entries()) assert.equal(decoded.readFloatLE(4 * i), Math.fround(value));
  });

  test('@anthropic-ai/sdk: messages, streams, tools, stop sequences, counts and errors', async () => {
    const client = new Anthropic({ baseURL: server.url, apiKey: 'none', maxRetries: 0 });
    // Its types know of neither steering nor a temperature.
    const greedy = { temperature: 0 };
    const asked = (steered: boolean) => ({
      model,
      max_tokens: 12,
      messages: [{ role: 'user' as const, content: question }],
      ...greedy,
      ...(steered && steering),
    });
    const textOf = ({ content }: Anthropic.Message) =>
      content.map((block) => (block.type === 'text' ? block.text : '')).join('');
    await sameAnswers(async (steered) => textOf(await client.messages.create(asked(steered))));
    await sameAnswers(async (steered) => textOf(await client.messages.stream(asked(steered)).finalMessage()));

    const tools: Anthropic.Tool[] = [
      {
        name: 'forecast',
        description: 'The weather of a city.',
        input_schema: {
          type: 'object',
          properties: { city: { type: 'string', maxLength: 12 } },
          required: ['city'],
          additionalProperties: false,
        },
      },
    ];
    const user = { role: 'user' as const, content: 'What is the weather in Rome?' };
    const called = {
      ...{ model, max_tokens: 120, tools, messages: [user], ...greedy },
      tool_choice: { type: 'any' as const, disable_parallel_tool_use: true },
    };
    const whole = await client.messages.create(called);
    const streamed = await client.messages.stream(called).finalMessage();
    const [use] = whole.content;
    const [same] = streamed.content;
    assert.ok(use?.type === 'tool_use' && same?.type === 'tool_use');
    assert.deepEqual([whole.stop_reason, same.input], ['tool_use', use.input]);
    const after = await client.messages.create({
      ...{ model, max_tokens: 8, tools },
      messages: [
        user,
        { role: 'assistant', content: whole.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: use.id, content: 'sunny' }] },
      ],
    });
    const promptOf = ({ usage }: Anthropic.Message) =>
      usage.input_tokens + (usage.cache_read_input_tokens ?? 0);
    assert.ok(promptOf(after) > promptOf(whole));
    // The same prompt again: what was read before is told apart, whole and in a stream.
    assert.equal(promptOf(streamed), promptOf(whole));
    assert.ok((streamed.usage.cache_read_input_tokens ?? 0) > 0);
    const stopped = await client.messages.create({
      ...asked(false),
      max_tokens: 60,
      stop_sequences: [' a', ' the'],
    });
    assert.equal(stopped.stop_reason, 'stop_sequence');
    assert.ok([' a', ' the'].includes(stopped.stop_sequence ?? ''));
    const { input_tokens } = await client.messages.countTokens({ model, messages: [user], tools });
    assert.equal(input_tokens, promptOf(whole));
    await assert.rejects(
      client.messages.create({ ...asked(false), model: 'nobody' }),
      Anthropic.NotFoundError,
    );
    await assert.rejects(
      client.messages.create({ ...asked(false), ...{ temperature: 9 } }),
      Anthropic.BadRequestError,
    );
  });

  test('ollama: chat, generate, formats, embeddings, and what interfaces look up', async () => {
    const client = new Ollama({ host: server.url });
    const options = { temperature: 0, num_predict: 12 };
    const chat = (steered: boolean) => ({
      model: `${model}:latest`,
      messages: [{ role: 'user', content: question }],
      options,
      ...(steered && steering),
    });
    await sameAnswers(async (steered) => (await client.chat(chat(steered))).message.content ?? '');
    await sameAnswers(async (steered) => {
      let text = '';
      let count = 0;
      for await (const part of await client.chat({ ...chat(steered), stream: true })) {
        text += part.message.content;
        count = part.eval_count ?? count;
      }
      assert.equal(count, 12);
      return text;
    });
    await sameAnswers(async (steered) => {
      const asked = { model, prompt: question, options: { ...options, ...(steered && steering) } };
      return (await client.generate(asked)).response ?? '';
    });
    const schema = {
      type: 'object',
      properties: { name: { type: 'string', maxLength: 10 } },
      required: ['name'],
      additionalProperties: false,
    };
    const { message } = await client.chat({ ...chat(true), format: schema, options: { num_predict: 80 } });
    assert.deepEqual(Object.keys(JSON.parse(message.content ?? '') as object), ['name']);
    const { models } = await client.list();
    assert.ok(models.some(({ name }) => name === model));
    assert.deepEqual(
      (await client.ps()).models.map(({ name }) => name),
      [model],
    );
    const shown = await client.show({ model });
    assert.match(shown.template, /im_start/);
    const { embeddings } = await client.embed({ model, input: ['a b', 'c'] });
    assert.deepEqual([embeddings.length, embeddings[0]?.length], [2, 576]);
    await assert.rejects(client.chat({ ...chat(false), model: 'nobody' }), /"nobody" does not exist/);
  });

  test('curl: a file of vectors as -T sends it', async (t) => {
    const run = promisify(execFile);
    const has = await run('curl', ['--version']).then(
      () => true,
      () => false,
    );
    if (!has) return t.skip('there is no curl');
    const exported = await fetch(`${server.url}/v1/concepts/pirate/vectors?format=safetensors`);
    const file = join(data.directory, 'pirate.safetensors');
    await writeFile(file, new Uint8Array(await exported.arrayBuffer()));
    const { stdout } = await run('curl', ['-sS', '-T', file, `${server.url}/v1/concepts/uploaded/vectors`]);
    assert.equal((JSON.parse(stdout) as { id?: string }).id, 'uploaded', stdout);
  });
});
