/** The body of a chat completion as a neutral request. */
import { newId } from '../common/stamps.js';
import { errors } from '../errors.js';
import { type ChatMessage, type ChatRequest, chatFields } from '../schemas/chat.js';
import { reasoningPlace, reasoningVariables } from '../schemas/reasoning.js';
import type { Tool, ToolChoice } from '../schemas/tools.js';
import { formatConstraint } from './constraint.js';
import {
  askedPromptLogprobs,
  askedStream,
  type ConversationEnd,
  commonAnswer,
  type Echo,
  type NeutralRequest,
} from './neutral-request.js';
import { partsText } from './template-messages.js';
import { askedTools } from './tools.js';
import { askedTruncation } from './truncation.js';
import { refuseUnsupported } from './unsupported-fields.js';

const known = Object.keys(chatFields.shape);

/** @throws SteerdError for what is wrong with the body whatever the model */
export function chatRequest(body: ChatRequest): NeutralRequest {
  refuseUnsupported(body, known);
  const { concept, strength, steering } = body;
  const logprobs = askedLogprobs(body);
  const format = formatConstraint(body);
  const legacy = Array.isArray(body.functions) && body.functions.length > 0;
  const { tools, calls } = askedTools(legacy ? olderTools(body) : body);
  return {
    fields: { prompt: 'messages', maxTokens: 'max_tokens', format: 'response_format' },
    prompt: {
      kind: 'chat',
      model: body.model ?? undefined,
      truncation: askedTruncation(body),
      messages: body.messages.map(withToolCalls),
      ends: conversationEnd(body),
      tools,
      variables: { ...reasoningVariables(body), ...body.chat_template_kwargs },
      parseSpecial: body.parse_special ?? false,
    },
    answer: {
      ...commonAnswer(body),
      n: body.n ?? 1,
      maxTokens: {
        asked: body.max_completion_tokens ?? body.max_tokens ?? undefined,
        usual: null,
      },
      constraint: format,
      calls,
      steering: { concept, strength, steering },
      logprobs,
      promptLogprobs: askedPromptLogprobs(body),
    },
    reply: {
      id: newId('chatcmpl'),
      stream: askedStream(body),
      echo: askedEcho(body),
      fullReceipts: body.receipt === 'full',
      reasoning: reasoningPlace(body),
      ...(legacy && { functionCalls: true }),
      skipSpecialTokens: body.skip_special_tokens ?? true,
      tokenIds: body.return_token_ids ?? false,
      namesById: body.return_tokens_as_token_ids ?? false,
    },
  };
}

/** @throws SteerdError when they are counted but not asked for */
function askedLogprobs({ logprobs, top_logprobs }: ChatRequest): number | null {
  if (logprobs) return top_logprobs ?? 0;
  if (typeof top_logprobs === 'number' && top_logprobs > 0) {
    throw errors.invalidRequest('top_logprobs must be left out unless logprobs is true.', 'top_logprobs');
  }
  return null;
}

/** OpenAI's `functions` and `function_call` as tools, of which an answer calls one at most. */
function olderTools({ tools, functions, function_call: choice }: ChatRequest) {
  if (Array.isArray(tools) && tools.length > 0) {
    throw errors.invalidRequest('functions must be left out with tools, which say the same.', 'functions');
  }
  const chosen: ToolChoice | null | undefined =
    typeof choice === 'object' && choice !== null
      ? { type: 'function', function: { name: choice.name } }
      : choice;
  return {
    tools: (functions ?? []).map((one): Tool => ({ type: 'function', function: one })),
    tool_choice: chosen,
    parallel_tool_calls: false,
  };
}

/** A message with its `function_call` as a tool call. */
function withToolCalls(message: ChatMessage): ChatMessage {
  const { function_call: call, ...rest } = message;
  if (!call || message.role !== 'assistant' || (rest.tool_calls?.length ?? 0) > 0) return message;
  const { name = '', arguments: args } = call;
  return {
    ...rest,
    tool_calls: [{ id: `call_${name}`, type: 'function', function: { name, arguments: args } }],
  };
}

/** @throws SteerdError when the last message is to be continued and followed by a new one */
export function conversationEnd({
  continue_final_message,
  add_generation_prompt,
}: Pick<ChatRequest, 'continue_final_message' | 'add_generation_prompt'>): ConversationEnd {
  if (!continue_final_message) return add_generation_prompt === false ? 'last-message' : 'generation-prompt';
  if (!add_generation_prompt) return 'within-last-message';
  throw errors.invalidRequest(
    'add_generation_prompt must be left out or false when continue_final_message is true.',
    'add_generation_prompt',
  );
}

/** The last message, if it is the assistant's. */
function askedEcho({ echo, messages }: ChatRequest): Echo {
  const last = messages.at(-1);
  return echo && last?.role === 'assistant' && last.content
    ? { kind: 'message', text: partsText(last.content) }
    : { kind: 'nothing' };
}
