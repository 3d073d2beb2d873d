/** The body of Anthropic's Messages API as a neutral request, by way of a chat completion's. */
import { newId } from '../common/stamps.js';
import { errors } from '../errors.js';
import {
  type AnthropicBlock,
  type AnthropicCountRequest,
  type AnthropicRequest,
  anthropicFields,
} from '../schemas/anthropic.js';
import { type ChatMessage, ChatRequest } from '../schemas/chat.js';
import { validated } from '../schemas/validation.js';
import { chatRequest } from './chat-request.js';
import type { NeutralRequest } from './neutral-request.js';
import { inOwnWords, type Words } from './own-words.js';
import { refuseUnsupported } from './unsupported-fields.js';

/** Read by Anthropic's servers, and of no effect on what an answer says. */
const ignored = ['betas', 'context_management', 'inference_geo', 'cache_control'];
const known = [...Object.keys(anthropicFields.shape), ...ignored];

/** @throws SteerdError for what is wrong with the body whatever the model */
export function anthropicRequest(body: AnthropicRequest): NeutralRequest {
  for (const [field, instead] of [
    ['mcp_servers', 'leave it out: this server calls no others'],
    ['container', 'leave it out'],
  ] as const) {
    const { [field]: value } = body;
    const idle = value === null || value === undefined || (Array.isArray(value) && value.length === 0);
    if (!idle) throw errors.notSupported(field, instead);
  }
  refuseUnsupported(body, known);
  const { concept, strength, steering, monitor, receipt, stream } = body;
  if (steering && 'choices' in steering) {
    throw errors.notSupported('steering.choices', 'POST /v1/chat/completions compares them');
  }
  const format = body.output_config?.format ?? body.output_format;
  const messages = conversation(body);
  const last = messages.at(-1);
  const begun = last?.role === 'assistant' && !last.tool_calls?.length && last.content;
  const asked = {
    model: body.model,
    messages,
    max_tokens: body.max_tokens,
    stop: body.stop_sequences,
    temperature: body.temperature,
    top_p: body.top_p,
    top_k: body.top_k,
    seed: body.seed,
    stream,
    ...(stream && { stream_options: { include_usage: true } }),
    ...(format && { response_format: { type: 'json_schema', json_schema: { schema: format.schema } } }),
    ...(begun ? { continue_final_message: true } : {}),
    ...toolsOf(body),
  };
  const { reply, ...request } = inOwnWords(words, () =>
    chatRequest({ ...validated(ChatRequest, asked), concept, strength, steering, monitor, receipt }),
  );
  return { ...request, reply: { ...reply, id: newId('msg', '_') } };
}

/** What a chat completion calls otherwise. */
const words: Words = [
  [/^(tools\.\d+)\.function\.parameters/, '$1.input_schema'],
  [/^(tools\.\d+|tool_choice)\.function/, '$1'],
  [/^stop(?=\.|$)/, 'stop_sequences'],
  [/^response_format\.json_schema/, 'output_config.format'],
];

/** The prompt alone, of a body that asks for no answer. */
export function anthropicPrompt(body: AnthropicCountRequest): NeutralRequest {
  const asked = { model: body.model, messages: conversation(body), ...toolsOf(body) };
  return inOwnWords(words, () => chatRequest(validated(ChatRequest, asked)));
}

function toolsOf({ tools, tool_choice, thinking }: AnthropicCountRequest): object {
  const { type, name } = tool_choice ?? {};
  const choice =
    type === 'any' ? 'required' : type === 'tool' ? { type: 'function', function: { name } } : type;
  return {
    ...(tools && {
      tools: tools.map(({ name, description, input_schema: parameters, strict }) => ({
        type: 'function',
        function: { name, description, parameters, strict },
      })),
    }),
    ...(tools?.length && choice ? { tool_choice: choice } : {}),
    ...(tool_choice?.disable_parallel_tool_use && { parallel_tool_calls: false }),
    ...(thinking && { chat_template_kwargs: { enable_thinking: thinking.type !== 'disabled' } }),
  };
}

function conversation({ system, messages }: AnthropicCountRequest): ChatMessage[] {
  const told = typeof system === 'string' ? system : (system ?? []).map(({ text }) => text).join('\n');
  const whole: ChatMessage[] = told === '' ? [] : [{ role: 'system', content: told }];
  for (const { role, content } of messages) {
    if (typeof content === 'string') whole.push({ role, content });
    else whole.push(...(role === 'assistant' ? [answerOf(content)] : askedOf(role, content)));
  }
  return whole;
}

/** Results of tools come first: they answer the calls in the message before. */
function askedOf(role: 'user' | 'system', blocks: readonly AnthropicBlock[]): ChatMessage[] {
  const results = blocks.flatMap((block): ChatMessage[] => {
    if (block.type !== 'tool_result') return [];
    const { content, tool_use_id, is_error } = block;
    const text = typeof content === 'string' ? content : (content ?? []).map((part) => part.text).join('\n');
    return [{ role: 'tool', tool_call_id: tool_use_id, content: is_error ? `Error: ${text}` : text }];
  });
  const texts = blocks.flatMap((block) => textOf(block) ?? []);
  return texts.length === 0 && results.length > 0
    ? results
    : [...results, { role, content: texts.join('\n') }];
}

function answerOf(blocks: readonly AnthropicBlock[]): ChatMessage {
  const calls = blocks.flatMap((block) =>
    block.type === 'tool_use'
      ? [
          {
            id: block.id,
            type: 'function' as const,
            function: { name: block.name, arguments: JSON.stringify(block.input ?? {}) },
          },
        ]
      : [],
  );
  const content = blocks.flatMap((block) => textOf(block) ?? []).join('\n');
  return { role: 'assistant', content, ...(calls.length > 0 && { tool_calls: calls }) };
}

function textOf(block: AnthropicBlock): string | null {
  if (block.type === 'text') return block.text;
  if (block.type !== 'document') return null;
  const { title, source } = block;
  return title ? `${title}\n${source.data}` : source.data;
}
