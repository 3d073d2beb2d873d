/**
 * Loops of tools, objects and second turns with the clients from npm, before the real server: steered and not. The model is
 * forced to call (its choice would be another test), and goes on from what the tool said.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatOpenAI } from '@langchain/openai';
import {
  Agent,
  tool as agentTool,
  OpenAIChatCompletionsModel,
  OpenAIResponsesModel,
  Runner,
} from '@openai/agents';
import { generateText, type LanguageModel, Output, stepCountIs, streamText, tool } from 'ai';
import { tool as chainTool, createAgent } from 'langchain';
import { Ollama } from 'ollama';
import { z } from 'zod';
import { type ServerProcess, startServerProcess, temporaryData } from './running-server.js';

const model = 'smollm2-135m-instruct';
const alias = `${model}@pirate:1`;
const question = 'What is the weather in Rome?';
const City = z.object({ city: z.enum(['Rome', 'Oslo']) });
const Person = z.object({ name: z.string().max(8), age: z.int().min(0).max(120) });
const description = 'The weather of a city.';

describe('tools with clients from npm', () => {
  let data: Awaited<ReturnType<typeof temporaryData>>;
  let server: ServerProcess;
  before(async () => {
    data = await temporaryData();
    server = await startServerProcess(data.directory, { STEERD_CONTEXT: '4096' });
  });
  after(async () => {
    await server.stop();
    await data.clean();
  });

  /** The AI SDK's models, of each form one steered and one not. */
  const models = (): Record<string, LanguageModel> => {
    const openai = createOpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none' });
    const compatible = createOpenAICompatible({
      ...{ name: 'steerd', baseURL: `${server.url}/v1` },
      supportsStructuredOutputs: true,
    });
    return {
      responses: openai(model),
      'responses, steered': openai(alias),
      chat: openai.chat(model),
      'compatible, steered': compatible(alias),
    };
  };

  test('ai: a loop of tools ends with an answer, whole and streamed', async () => {
    for (const [name, asked] of Object.entries(models())) {
      const cities: string[] = [];
      const body = {
        ...{ model: asked, prompt: question, temperature: 0, maxOutputTokens: 30, maxRetries: 0 },
        tools: {
          weather: tool({
            description,
            inputSchema: City,
            execute: ({ city }) => {
              cities.push(city);
              return `It is sunny in ${city}.`;
            },
          }),
        },
        providerOptions: { openai: { parallelToolCalls: false }, steerd: { parallel_tool_calls: false } },
        prepareStep: ({ stepNumber }: { stepNumber: number }) => ({
          toolChoice: stepNumber === 0 ? ('required' as const) : ('none' as const),
        }),
        stopWhen: stepCountIs(2),
      };
      const { text, steps } = await generateText(body);
      assert.equal(steps.length, 2, name);
      assert.equal(steps[0]?.finishReason, 'tool-calls', name);
      assert.ok(cities.length > 0 && text !== '', name);
      const whole = [...cities];
      cities.length = 0;
      if (name.endsWith('steered')) continue;
      assert.equal(await streamText(body).text, text, name);
      assert.deepEqual(cities, whole, name);
    }
  });

  test('ai: an object, beside tools too', async () => {
    const tools = { weather: tool({ description, inputSchema: City }) };
    for (const [name, asked] of Object.entries(models())) {
      const body = {
        ...{
          model: asked,
          prompt: 'Tell me of somebody.',
          temperature: 0,
          maxOutputTokens: 80,
          maxRetries: 0,
        },
        output: Output.object({ schema: Person }),
      };
      assert.ok(Person.safeParse((await generateText(body)).output).success, name);
      if (name.endsWith('steered')) continue;
      const { steps } = await generateText({ ...body, tools });
      const [step] = steps;
      const called = step?.toolCalls.map(({ input }) => City.safeParse(input).success);
      assert.ok(
        called?.length ? called.every(Boolean) : Person.safeParse(JSON.parse(step?.text ?? '')).success,
      );
    }
  });

  test('ai: a second turn on the default model, by its items and by the id of the response', async () => {
    const openai = createOpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none' });
    for (const name of [model, alias]) {
      const asked = { model: openai(name), temperature: 0, maxOutputTokens: 12, maxRetries: 0 };
      const first = await generateText({ ...asked, prompt: question });
      const next = { role: 'user' as const, content: 'And in Paris?' };
      const messages = [{ role: 'user' as const, content: question }, ...first.response.messages, next];
      const whole = await generateText({ ...asked, messages });
      assert.match(JSON.stringify(whole.request.body), /item_reference/);
      const { responseId } = first.providerMetadata?.openai ?? {};
      const providerOptions = { openai: { previousResponseId: String(responseId) } };
      const byId = await generateText({ ...asked, messages: [next], providerOptions });
      assert.equal(byId.text, whole.text);
      assert.equal(byId.usage.inputTokens, whole.usage.inputTokens);
    }
  });

  test('@openai/agents: a loop of tools, by chats and by responses', async () => {
    for (const [name, Model] of [
      [model, OpenAIChatCompletionsModel],
      [alias, OpenAIResponsesModel],
    ] as const) {
      const cities: string[] = [];
      const agent = new Agent({
        name: 'Asked',
        model: new Model(server.client as never, name),
        modelSettings: { temperature: 0, maxTokens: 80, toolChoice: 'required', parallelToolCalls: false },
        // An answer in a schema ends: the client takes a cut response for a failed one.
        outputType: Person,
        resetToolChoice: true,
        toolUseBehavior: 'run_llm_again',
        tools: [
          agentTool({
            ...{ name: 'weather', description, parameters: City },
            // The model would call it for ever.
            isEnabled: () => cities.length === 0,
            execute: ({ city }) => {
              cities.push(city);
              return 'sunny';
            },
          }),
        ],
      });
      const runner = new Runner({ tracingDisabled: true });
      const { finalOutput } = await runner.run(agent, question, { maxTurns: 2 });
      assert.ok(cities.length > 0 && Person.safeParse(finalOutput).success, Model.name);
    }
  });

  test('langchain: a bound tool is called, an agent with it ends, and its structured output validates', async () => {
    for (const name of [model, alias]) {
      const chat = new ChatOpenAI({
        ...{ model: name, apiKey: 'none', temperature: 0, maxTokens: 40, maxRetries: 0 },
        configuration: { baseURL: `${server.url}/v1` },
      });
      const weather = chainTool(() => 'sunny', { name: 'weather', description, schema: City });
      const message = await chat.bindTools([weather], { tool_choice: 'required' }).invoke(question);
      const [call] = message.tool_calls ?? [];
      assert.ok(City.safeParse(call?.args).success);
      const { messages } = await createAgent({ model: chat, tools: [weather] }).invoke({
        messages: [
          { role: 'user', content: question },
          message,
          ...(message.tool_calls ?? []).map(({ id }) => ({
            ...{ role: 'tool' as const, content: 'sunny', tool_call_id: id ?? '' },
          })),
        ],
      });
      assert.ok(messages.length > 2);
      const person = chat.withStructuredOutput(Person, { method: 'functionCalling' });
      assert.ok(Person.safeParse(await person.invoke('Tell me of somebody.')).success);
    }
  });

  test('ollama: tools are told, calls and results of history are read, and calls come with arguments as an object', async () => {
    const client = new Ollama({ host: server.url });
    const parameters = { type: 'object', required: ['city'], properties: { city: { type: 'string' } } };
    const tools = [{ type: 'function', function: { name: 'weather', description, parameters } }];
    const user = { role: 'user', content: question };
    const call = { function: { name: 'weather', arguments: { city: 'Rome' } } };
    for (const name of [model, alias]) {
      const ask = (messages: object[], more: object = {}) =>
        client.chat({
          ...{
            model: name,
            messages: messages as never,
            tools,
            options: { temperature: 0, num_predict: 40 },
          },
          ...more,
        });
      const plain = await client.chat({ model: name, messages: [user], options: { num_predict: 1 } });
      const told = await ask([user]);
      assert.ok(told.prompt_eval_count > plain.prompt_eval_count);
      const history = [
        user,
        { role: 'assistant', content: '', tool_calls: [call] },
        { role: 'tool', tool_name: 'weather', content: 'sunny' },
      ];
      const after = await ask(history);
      assert.ok(after.prompt_eval_count > told.prompt_eval_count);
      for (const { message } of [told, after])
        for (const { function: called } of message.tool_calls ?? [])
          assert.equal(typeof called.arguments, 'object');
    }
  });
});
