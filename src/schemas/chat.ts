/** `POST /v1/chat/completions`: OpenAI's shapes with steering. */
import { z } from 'zod';
import { answerRoles, asSent, digitsOr, messageAsSent, mostCalls } from './as-sent.js';
import { FormatFields } from './constraints.js';
import { list } from './fields.js';
import {
  ChatFinishReason,
  GenerationFields,
  mostTopLogprobs,
  PromptFields,
  ReplyFields,
  SamplingDefaults,
  SteeringReceipts,
  StopReason,
  TokenIdFields,
  Usage,
} from './generation.js';
import { ChatLogprobs } from './logprobs.js';
import { ChoiceMonitor, ChunkMonitor, MonitorFields, MonitorReceipts } from './monitor.js';
import { Reasoning, ReasoningFields } from './reasoning.js';
import { SteeringFields } from './steering.js';
import { FunctionCall, LoosenedTools, ToolCall, ToolCallDelta, ToolCallFaults, ToolFields } from './tools.js';

const TextPart = z.looseObject({
  type: z.literal('text', { error: 'must be "text": this server reads text only' }),
  text: z.string(),
});

const mostParts = 10_000;

/** A part as clients send it, before as-sent.ts makes it text. */
const sentPart = {
  anyOf: [
    { type: 'string' },
    {
      type: 'object',
      properties: {
        type: { enum: ['text', 'input_text', 'output_text'] },
        text: { type: ['string', 'null'] },
      },
      required: ['type'],
    },
    {
      type: 'object',
      properties: { type: { const: 'refusal' }, refusal: { type: 'string' } },
      required: ['type', 'refusal'],
    },
    {
      type: 'object',
      properties: { type: { enum: ['thinking', 'redacted_thinking', 'reasoning'] } },
      required: ['type'],
    },
  ],
};

/** A call as clients send it back. */
const sentCall = {
  type: 'object',
  properties: {
    id: { type: ['string', 'null'] },
    type: { enum: ['function', null] },
    function: {
      type: 'object',
      properties: {
        name: { type: 'string' },
        arguments: { type: ['string', 'object', 'null'], description: 'JSON, or the object itself.' },
      },
      required: ['name'],
    },
  },
  required: ['function'],
};

const CheckedMessage = z
  .looseObject({
    role: z
      .enum(['system', 'developer', 'user', 'assistant', 'tool', 'function'])
      .meta({ description: '`developer` is read as `system`, `function` as `tool`.' }),
    content: z
      .union([z.string(), list(TextPart, { min: 1, max: mostParts })])
      .nullish()
      .meta({
        description:
          'May be left out of answers and of results of tools only. Parts of thinking say nothing; null and a list of none are empty text.',
        anyOf: [
          { type: 'string' },
          { type: 'array', items: sentPart, maxItems: mostParts },
          { type: 'null' },
        ],
      }),
    tool_calls: list(ToolCall.loose(), { max: mostCalls })
      .nullish()
      .meta({ anyOf: [{ type: 'array', items: sentCall, maxItems: mostCalls }, { type: 'null' }] }),
    tool_call_id: z.string().nullish(),
    function_call: FunctionCall.nullish().meta({ description: "OpenAI's older form of one tool call." }),
    reasoning_content: z
      .string()
      .nullish()
      .meta({ description: 'What the assistant reasoned before its answer, for templates that keep it.' }),
    reasoning: z.string().nullish().meta({ description: "vLLM's name of `reasoning_content`." }),
  })
  .superRefine(({ role, content, tool_calls, function_call }, context) => {
    const calls = tool_calls ?? function_call;
    const optional = role === 'assistant' && calls !== null && calls !== undefined;
    if ((content === null || content === undefined) && !optional) {
      context.issues.push({
        code: 'custom',
        message: 'must be a string or a list',
        path: ['content'],
        input: content,
      });
    }
  });
export const ChatMessage = z.preprocess(messageAsSent, CheckedMessage).meta({
  anyOf: [{ required: ['content'] }, { properties: { role: { enum: answerRoles } } }],
});
export type ChatMessage = z.output<typeof ChatMessage>;

/** Loose: unknown fields are ignored, but steering's misspelt ones are looked for (completions/unsupported-fields.ts). */
export const chatFields = z.looseObject({
  messages: list(ChatMessage, { min: 1, max: 16_384 }),
  ...GenerationFields,
  max_completion_tokens: z
    .int()
    .min(1)
    .nullish()
    .meta({
      ...digitsOr(1),
      description: 'Most tokens of the answer; 512 by default (STEERD_ANSWER_TOKENS).',
    }),
  logprobs: z
    .boolean()
    .nullish()
    .meta({ default: false, description: "Log-probabilities of the answer's tokens." }),
  top_logprobs: z
    .int()
    .min(0)
    .max(mostTopLogprobs)
    .nullish()
    .meta({ description: 'With `logprobs`: how many of the likeliest tokens at each position.' }),
  add_generation_prompt: z
    .boolean()
    .nullish()
    .meta({ default: true, description: "Whether the prompt ends where the assistant's answer begins." }),
  echo: z.boolean().nullish().meta({
    default: false,
    description: "Put the last message before the answer, if it is the assistant's.",
  }),
  continue_final_message: z.boolean().nullish().meta({
    default: false,
    description: 'The last message is the begin of the answer, which goes on with it.',
  }),
  chat_template_kwargs: z
    .record(z.string().max(64), z.unknown())
    .nullish()
    .meta({ description: "More variables of the model's chat template, such as `enable_thinking`." }),
  ...ReasoningFields,
  ...FormatFields,
  ...ToolFields,
  ...SteeringFields,
  ...MonitorFields,
  parse_special: z.boolean().nullish().meta({
    default: false,
    description:
      'Whether special tokens written in the messages are those tokens. By default they are text like any other, so that no content can end its turn or begin another.',
  }),
});

export const ChatRequest = z.preprocess(asSent(), chatFields).meta({
  id: 'ChatCompletionRequest',
  // zod leaves out `examples` of a schema that turns its input into something else.
  example: {
    messages: [{ role: 'user', content: 'What did you do today?' }],
    concept: 'pirate',
    strength: 1,
    max_tokens: 60,
    seed: 7,
  },
});
export type ChatRequest = z.output<typeof ChatRequest>;

const example = {
  id: 'chatcmpl-5kq1TzmB0xYfJc9V',
  created: 1767225600,
  model: 'smollm2-135m-instruct',
  system_fingerprint: 'fp_9c1f6ed0b1',
};

export const ChatCompletion = z
  .object({
    ...ReplyFields,
    object: z.literal('chat.completion'),
    choices: z.array(
      z.object({
        index: z.int(),
        message: z.object({
          role: z.literal('assistant'),
          content: z.string().nullable(),
          refusal: z.null(),
          reasoning_content: Reasoning,
          tool_calls: z.array(ToolCall).optional(),
          function_call: FunctionCall.optional(),
        }),
        tool_call_faults: ToolCallFaults,
        logprobs: ChatLogprobs.nullable(),
        steering: SteeringReceipts,
        finish_reason: ChatFinishReason,
        stop_reason: StopReason,
        monitor: ChoiceMonitor.optional(),
        ...TokenIdFields,
      }),
    ),
    usage: Usage,
    ...PromptFields,
    loosened_tools: LoosenedTools,
    steering: SteeringReceipts,
    monitor: MonitorReceipts,
    sampling_defaults: SamplingDefaults,
  })
  .meta({
    id: 'ChatCompletion',
    examples: [
      {
        ...example,
        object: 'chat.completion',
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: 'Arr, I sailed the seven seas!', refusal: null },
            logprobs: null,
            finish_reason: 'stop',
          },
        ],
        usage: { prompt_tokens: 34, completion_tokens: 9, total_tokens: 43 },
      },
    ],
  });
export type ChatCompletion = z.output<typeof ChatCompletion>;

/** One `data:` of a stream. Never checked here: chat-reply.ts writes it, the tests hold it to this schema. */
export const ChatCompletionChunk = z
  .object({
    ...ReplyFields,
    object: z.literal('chat.completion.chunk'),
    choices: z.array(
      z.object({
        index: z.int(),
        delta: z.object({
          role: z.literal('assistant').optional(),
          content: z.string().optional(),
          refusal: z.null().optional(),
          reasoning_content: Reasoning,
          tool_calls: z.array(ToolCallDelta).optional(),
          function_call: FunctionCall.optional(),
        }),
        tool_call_faults: ToolCallFaults,
        logprobs: ChatLogprobs.nullable(),
        steering: SteeringReceipts,
        finish_reason: ChatFinishReason.nullable(),
        stop_reason: StopReason,
        monitor: ChunkMonitor.optional(),
        ...TokenIdFields,
      }),
    ),
    usage: Usage.nullable().optional(),
    prompt_token_ids: PromptFields.prompt_token_ids,
    loosened_tools: LoosenedTools,
    steering: SteeringReceipts,
    monitor: MonitorReceipts,
    sampling_defaults: SamplingDefaults,
  })
  .meta({ id: 'ChatCompletionChunk' });
export type ChatCompletionChunk = z.output<typeof ChatCompletionChunk>;
