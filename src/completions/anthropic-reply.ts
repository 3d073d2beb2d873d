/** An answer as Anthropic's Messages API tells it, whole and in events. */
import { event } from '../http/event-stream.js';
import type { AnthropicContent, AnthropicMessage, AnthropicStopReason } from '../schemas/anthropic.js';
import type { ChatCompletion, ChatCompletionChunk } from '../schemas/chat.js';
import { argumentsObject } from './call-values.js';
import { chatCompletion } from './chat-reply.js';
import { receiptFields } from './common-reply.js';
import type { Generation } from './generate.js';
import type { CompletionPlan } from './plan.js';
import { chatChunks } from './reply-chunks.js';

type Finish = ChatCompletion['choices'][number]['finish_reason'];
type Delta = ChatCompletionChunk['choices'][number]['delta'];

export async function anthropicMessage(
  plan: CompletionPlan,
  generation: Generation,
): Promise<AnthropicMessage> {
  const { choices, usage } = await chatCompletion(plan, generation);
  const [choice] = choices;
  if (choice === undefined) throw new Error('a completion without a choice');
  const { message, finish_reason, stop_reason } = choice;
  const { content, tool_calls = [], reasoning_content: reasoning } = message;
  const blocks: AnthropicContent[] = [
    ...(reasoning ? [{ type: 'thinking' as const, thinking: reasoning, signature: '' }] : []),
    ...(content ? [{ type: 'text' as const, text: content, citations: null }] : []),
    ...tool_calls.map(({ id, function: { name, arguments: args } }) => ({
      type: 'tool_use' as const,
      ...{ id, name, input: inputOf(args) },
    })),
  ];
  return {
    ...headOf(plan),
    content: blocks.length > 0 ? blocks : [{ type: 'text', text: '', citations: null }],
    stop_reason: reasonOf(finish_reason, stop_reason),
    stop_sequence: stop_reason ?? null,
    usage: usageOf(plan, usage.completion_tokens),
    ...receiptFields(plan),
  };
}

const headOf = (plan: CompletionPlan) => ({
  id: plan.request.reply.id,
  type: 'message' as const,
  role: 'assistant' as const,
  model: plan.modelName,
});

/** The whole prompt is the sum of what was read anew and what an earlier one had left: the latter is known at the end. */
const usageOf = ({ promptTokens, cached }: CompletionPlan, output: number) => ({
  input_tokens: promptTokens - cached.total,
  output_tokens: output,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: cached.total,
});

function reasonOf(finish: Finish, stopString: string | undefined): AnthropicStopReason {
  if (stopString !== undefined) return 'stop_sequence';
  if (finish === 'tool_calls') return 'tool_use';
  return finish === 'length' ? 'max_tokens' : 'end_turn';
}

/** Of a call that was cut, whose arguments are no JSON of an object, nothing. */
const inputOf = (args: string): Record<string, unknown> => argumentsObject(args) ?? {};

const named = <Event extends { readonly type: string }>(value: Event) =>
  event(JSON.stringify(value), { name: value.type });

/** The events of a stream, the message's blocks one after the other. */
export async function* anthropicEvents(plan: CompletionPlan, generation: Generation): AsyncGenerator<string> {
  const blocks = new Blocks();
  let finish: Finish | null = null;
  let stopString: string | undefined;
  let output = 0;
  const message = {
    ...headOf(plan),
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: usageOf(plan, 0),
    ...receiptFields(plan),
  };
  yield named({ type: 'message_start', message }) + named({ type: 'ping' });
  for await (const chunks of chatChunks(plan, generation)) {
    let events = '';
    for (const { choices, usage } of chunks) {
      output = usage?.completion_tokens ?? output;
      for (const { delta, finish_reason, stop_reason } of choices) {
        events += blocks.add(delta);
        finish = finish_reason ?? finish;
        stopString = stop_reason ?? stopString;
      }
    }
    if (events !== '') yield events;
  }
  const delta = {
    stop_reason: reasonOf(finish ?? 'stop', stopString),
    stop_sequence: stopString ?? null,
  };
  const end = { type: 'message_delta', delta, usage: usageOf(plan, output) };
  yield blocks.end() + named(end) + named({ type: 'message_stop' });
}

/** Writes deltas as events of blocks, of which one is open at a time. */
class Blocks {
  #index = -1;
  /** What is open: text, thinking, or the call of that index. */
  #open: 'text' | 'thinking' | number | null = null;

  add(delta: Delta): string {
    const { reasoning_content: reasoning } = delta;
    let events = '';
    if (reasoning) {
      events += this.#begin('thinking', { type: 'thinking', thinking: '', signature: '' });
      events += this.#delta({ type: 'thinking_delta', thinking: reasoning });
    }
    if (delta.content) {
      events += this.#begin('text', { type: 'text', text: '', citations: null });
      events += this.#delta({ type: 'text_delta', text: delta.content });
    }
    for (const {
      index,
      id,
      function: { name, arguments: args },
    } of delta.tool_calls ?? []) {
      events += this.#begin(index, { type: 'tool_use', id, name, input: {} });
      if (args) events += this.#delta({ type: 'input_json_delta', partial_json: args });
    }
    return events;
  }

  end(): string {
    if (this.#open === null && this.#index < 0) {
      // A message has a block, if an empty one.
      return this.#begin('text', { type: 'text', text: '', citations: null }) + this.end();
    }
    const event = this.#open === null ? '' : named({ type: 'content_block_stop', index: this.#index });
    this.#open = null;
    return event;
  }

  #begin(what: 'text' | 'thinking' | number, block: object): string {
    if (this.#open === what) return '';
    const before = this.#open === null ? '' : this.end();
    this.#open = what;
    this.#index++;
    return before + named({ type: 'content_block_start', index: this.#index, content_block: block });
  }

  #delta(delta: object): string {
    return named({ type: 'content_block_delta', index: this.#index, delta });
  }
}
