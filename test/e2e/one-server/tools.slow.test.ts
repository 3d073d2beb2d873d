/**
 * Tools on the real model: sixty schemas in the wild are all answered, streamed calls concatenate to JSON, and no mark of a
 * call is ever text, wherever the answer is cut. STEERD_CONSTRAINED_ANSWERS=200 makes that many calls over the schemas,
 * every other one steered and hot; each schema has one at least.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type OpenAI from 'openai';
import { modernSchema } from '../../../src/json-grammar/dialects.js';
import { faultOf } from '../../../src/json-grammar/validation.js';
import { toolSchemas } from '../../json-grammar/tool-schemas.js';
import { suiteServer } from '../running-server.js';

const model = 'smollm2-135m-instruct';
const messages = [
  { role: 'user' as const, content: 'Use a function, please: Rome, 3 days, me@example.com.' },
];
const tools = toolSchemas.map(({ parameters }, i) => ({
  type: 'function' as const,
  function: { name: `ns.tool-${i}`, description: `Tool ${i}`, parameters },
}));
const count = Math.max(toolSchemas.length, Number(process.env.STEERD_CONSTRAINED_ANSWERS ?? 0));
const mark = /<|tool_call|"name"/;

interface Answered {
  readonly calls: readonly { readonly name: string; readonly args: string }[];
  readonly finish: string | null;
  readonly content: string;
  readonly faults: readonly { readonly index: number }[];
  readonly loosened: readonly { readonly tool: string }[];
}

describe('tools', () => {
  const running = suiteServer();

  async function streamed(body: object): Promise<Answered> {
    const stream = await running().client.chat.completions.create({
      model,
      messages,
      stream: true,
      ...body,
    } as OpenAI.ChatCompletionCreateParamsStreaming);
    const calls: { name: string; args: string }[] = [];
    let [finish, content]: [string | null, string] = [null, ''];
    let more: Pick<Answered, 'faults' | 'loosened'> = { faults: [], loosened: [] };
    for await (const chunk of stream) {
      const { loosened_tools: loosened } = chunk as { loosened_tools?: Answered['loosened'] };
      if (loosened) more = { ...more, loosened };
      const [choice] = chunk.choices;
      if (!choice) continue;
      finish = choice.finish_reason ?? finish;
      content += choice.delta.content ?? '';
      const { tool_call_faults: faults } = choice as { tool_call_faults?: Answered['faults'] };
      if (faults) more = { ...more, faults };
      const deltas = choice.delta.tool_calls ?? [];
      assert.ok(deltas.length <= 1, 'one delta a chunk');
      for (const { index, id, function: part } of deltas) {
        if (id) calls.push({ name: part?.name ?? '', args: '' });
        const call = calls[index];
        assert.ok(call && (id || part?.arguments));
        call.args += part?.arguments ?? '';
      }
    }
    return { calls, finish, content, ...more };
  }

  test(`${count} calls over sixty schemas are answered, are JSON, and validate unless their tool was loosened`, async () => {
    const one = async (i: number) => {
      const schema = toolSchemas[i % toolSchemas.length];
      const tool = tools[i % tools.length] as (typeof tools)[number];
      const again = i >= tools.length && i % 2 === 1;
      const body = {
        tools: [tool],
        tool_choice: 'required',
        parallel_tool_calls: false,
        max_tokens: 120,
        seed: i,
        ...(again && { temperature: 1, concept: 'pirate', strength: 2 }),
      };
      const { calls, finish, content, faults, loosened } = await streamed(body);
      const about = `${i}, ${schema?.name}: ${calls[0]?.args}`;
      assert.equal(content, '', about);
      if (finish !== 'tool_calls') return assert.equal(finish, 'length', about);
      assert.equal(calls.length, 1, about);
      const args = JSON.parse(calls[0]?.args ?? '') as unknown;
      const fault = faultOf(modernSchema(tool.function.parameters), args);
      assert.equal(faults.length > 0, fault !== null, about);
      if (loosened.length === 0) assert.equal(fault, null, about);
      return undefined;
    };
    for (let i = 0; i < count; i += 16)
      await Promise.all(Array.from({ length: Math.min(16, count - i) }, (_, k) => one(i + k)));
  });

  test('forty at once are answered, and calls of them are JSON', async () => {
    const small = tools.slice(20).map((tool) => ({
      ...tool,
      function: { ...tool.function, description: '' },
    }));
    for (const tool_choice of ['auto', 'required']) {
      const body = { tools: small, tool_choice, parallel_tool_calls: false, max_tokens: 60 };
      const { calls, finish } = await streamed(body);
      assert.ok(finish !== null);
      if (finish === 'tool_calls') for (const { args } of calls) assert.ok(JSON.parse(args), args);
    }
  });

  test('no mark is text at any max_tokens from 1 to 40', async () => {
    const tool = tools[3] as (typeof tools)[number];
    for (let from = 1; from <= 40; from += 8) {
      await Promise.all(
        Array.from({ length: 8 }, async (_, i) => {
          const max_tokens = from + i;
          const { content } = await streamed({ tools: [tool], tool_choice: 'required', max_tokens });
          assert.doesNotMatch(content, mark);
          const response = await running().client.responses.create({
            model,
            input: messages,
            tools: [{ type: 'function', strict: false, ...tool.function }],
            tool_choice: 'required',
            max_output_tokens: max_tokens,
          });
          assert.doesNotMatch(response.output_text, mark);
        }),
      );
    }
  });
});
