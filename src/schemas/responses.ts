/** `POST /v1/responses` with text, functions and reasoning: OpenAI's shapes with steering. */
import { z } from 'zod';
import { asSent, digitsOr, itemContentAsSent, itemPartAsSent } from './as-sent.js';
import { choice, isObject, list } from './fields.js';
import { GenerationFields, mostTopLogprobs, SamplingDefaults, SteeringReceipts } from './generation.js';
import { ChatLogprobs } from './logprobs.js';
import { ChoiceMonitor, MonitorFields, MonitorReceipts } from './monitor.js';
import { ReasoningFields } from './reasoning.js';
import { SteeringFields } from './steering.js';
import {
  functionName,
  LoosenedTools,
  mostTools,
  ToolCallFaults,
  toolChoiceWords,
  toolModes,
} from './tools.js';

const InputText = z.looseObject({
  type: z.enum(['input_text', 'output_text'], {
    error: 'must be "input_text" or "output_text": this server reads text only',
  }),
  text: z.string(),
});

const mostParts = 10_000;

const sentPart = {
  anyOf: [
    {
      type: 'object',
      properties: { type: { enum: ['input_text', 'output_text'] }, text: { type: 'string' } },
      required: ['type', 'text'],
    },
    {
      type: 'object',
      properties: { type: { const: 'refusal' }, refusal: { type: 'string' } },
      required: ['type', 'refusal'],
    },
  ],
};

const InputContent = z
  .preprocess(
    itemContentAsSent,
    choice(
      [z.string(), list(z.preprocess(itemPartAsSent, InputText), { min: 1, max: mostParts })],
      (content) => (Array.isArray(content) ? 1 : 0),
      mostParts,
    ),
  )
  .meta({
    anyOf: [
      { type: 'string' },
      { type: 'array', items: sentPart, maxItems: mostParts },
      { type: 'null', description: 'As an empty text.' },
    ],
  });

const InputMessage = z.looseObject({
  type: z.literal('message').optional(),
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: InputContent,
});

const InputCall = z.looseObject({
  type: z.literal('function_call'),
  call_id: z.string(),
  name: functionName,
  arguments: z.string(),
});

const InputCallOutput = z.looseObject({
  type: z.literal('function_call_output'),
  call_id: z.string(),
  output: InputContent,
});

const ReasoningText = z.looseObject({ text: z.string() });

const InputReasoning = z.looseObject({
  type: z.literal('reasoning'),
  id: z.string().nullish(),
  summary: list(ReasoningText, { max: mostParts }).nullish(),
  content: list(ReasoningText, { max: mostParts }).nullish(),
});

const ItemReference = z.looseObject({
  type: z.literal('item_reference').nullish(),
  id: z.string().max(200).meta({ description: 'Of an item of a response that is stored.' }),
});

const UnknownItem = z.looseObject({
  type: z.literal('message', {
    error:
      'must be "message", "function_call", "function_call_output", "reasoning" or "item_reference": this server reads no others',
  }),
});

const itemTypes = ['message', 'function_call', 'function_call_output', 'reasoning', 'item_reference'];

const InputItem = choice(
  [InputMessage, InputCall, InputCallOutput, InputReasoning, ItemReference, UnknownItem],
  (item) => {
    if (!isObject(item)) return itemTypes.length;
    const { type, role, id } = item as { type?: unknown; role?: unknown; id?: unknown };
    const usual = role === undefined && typeof id === 'string' ? 'item_reference' : 'message';
    const at = itemTypes.indexOf(String(type ?? usual));
    return at < 0 ? itemTypes.length : at;
  },
).transform((item) => item as InputItem);
export type ItemReference = z.output<typeof ItemReference>;
/** An item that says itself what it is. */
export type WholeItem =
  | z.output<typeof InputMessage>
  | z.output<typeof InputCall>
  | z.output<typeof InputCallOutput>
  | z.output<typeof InputReasoning>;
export type InputItem = WholeItem | ItemReference;

/** Of text.format: OpenAI's flat form of json_schema. */
const TextFormat = z.looseObject({
  type: z.enum(['text', 'json_object', 'json_schema']),
  name: z.string().max(64).nullish(),
  schema: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish(),
});

const includable = [
  'message.output_text.logprobs',
  'reasoning.encrypted_content',
  'file_search_call.results',
  'web_search_call.results',
  'web_search_call.action.sources',
  'message.input_image.image_url',
  'computer_call_output.output.image_url',
  'code_interpreter_call.outputs',
] as const;

/** OpenAI's flat form of a function. */
const ResponseTool = z.looseObject({
  type: z.literal('function', { error: 'must be "function": this server has no tools of its own' }),
  name: functionName,
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish(),
});

const NamedTool = z.looseObject({ type: z.literal('function'), name: functionName });

const ResponseToolChoice = z.union([
  z.enum(toolModes),
  NamedTool,
  z.looseObject({
    type: z.literal('allowed_tools'),
    mode: z.enum(['auto', 'required']),
    tools: list(NamedTool, { min: 1, max: mostTools }),
  }),
]);

const {
  n: _n,
  max_tokens: _m,
  stream_options: _s,
  prompt_logprobs: _p,
  return_token_ids: _r,
  store: _store,
  ...generation
} = GenerationFields;

export const responseFields = z.looseObject({
  input: z.union([z.string().min(1), list(InputItem, { min: 1, max: 16_384 })]).meta({
    description:
      'A text of the user, or messages, function calls and their outputs, reasoning, and references to items of stored responses.',
  }),
  previous_response_id: z.string().max(200).nullish().meta({
    description:
      'Of a stored response, whose conversation this goes on with; its instructions are not taken over.',
  }),
  store: z.boolean().nullish().meta({
    default: true,
    description:
      'Keep the response, so that later ones may refer to it, until newer ones take its place or the server ends; servers that share a database keep it there. The reply says whether it is kept.',
  }),
  reasoning: z
    .looseObject({ effort: ReasoningFields.reasoning_effort })
    .nullish()
    .meta({ description: '`effort` is a variable of chat templates; `none` turns `enable_thinking` off.' }),
  enable_thinking: ReasoningFields.enable_thinking,
  separate_reasoning: ReasoningFields.separate_reasoning,
  include_reasoning: ReasoningFields.include_reasoning,
  chat_template_kwargs: z
    .record(z.string().max(64), z.unknown())
    .nullish()
    .meta({ description: "More variables of the model's chat template." }),
  instructions: z.string().nullish().meta({ description: 'The system message, before the input.' }),
  max_output_tokens: z
    .int()
    .min(1)
    .nullish()
    .meta({
      ...digitsOr(1),
      description: 'Most tokens of the answer; 512 by default (STEERD_ANSWER_TOKENS).',
    }),
  text: z.looseObject({ format: TextFormat.nullish() }).nullish(),
  include: list(z.enum(includable), { max: 16 }).nullish().meta({
    description: '`message.output_text.logprobs`; the others are of what this server does not make.',
  }),
  top_logprobs: z.int().min(0).max(mostTopLogprobs).nullish().meta({
    description: 'How many of the likeliest tokens at each position, with log-probabilities.',
  }),
  tools: list(ResponseTool, { max: mostTools }).nullish().meta({
    description: 'Functions that the model may call; other tools there are none.',
  }),
  tool_choice: ResponseToolChoice.nullish().meta({ default: 'auto', description: toolChoiceWords }),
  parallel_tool_calls: z.boolean().nullish().meta({ default: true, description: 'Allow several calls.' }),
  ...generation,
  ...SteeringFields,
  ...MonitorFields,
});

export const ResponseRequest = z.preprocess(asSent('max_output_tokens'), responseFields).meta({
  id: 'ResponseRequest',
  example: { input: 'What did you do today?', concept: 'pirate', strength: 1, max_output_tokens: 60 },
});
export type ResponseRequest = z.output<typeof ResponseRequest>;

const OutputText = z.object({
  type: z.literal('output_text'),
  text: z.string(),
  annotations: z.array(z.unknown()),
  logprobs: ChatLogprobs.shape.content,
});

const OutputMessage = z.object({
  type: z.literal('message'),
  id: z.string(),
  status: z.enum(['in_progress', 'completed', 'incomplete']),
  role: z.literal('assistant'),
  content: z.array(OutputText),
});
export type OutputMessage = z.output<typeof OutputMessage>;

const FunctionCallItem = z.object({
  type: z.literal('function_call'),
  id: z.string(),
  call_id: z.string(),
  name: z.string(),
  arguments: z.string().meta({ description: 'JSON.' }),
  status: z.enum(['in_progress', 'completed', 'incomplete']),
});
export type FunctionCallItem = z.output<typeof FunctionCallItem>;

const ReasoningItem = z.object({
  type: z.literal('reasoning'),
  id: z.string(),
  summary: z.array(z.object({ type: z.literal('summary_text'), text: z.string() })),
  content: z.array(z.object({ type: z.literal('reasoning_text'), text: z.string() })),
  status: z.enum(['in_progress', 'completed', 'incomplete']),
});
export type ReasoningItem = z.output<typeof ReasoningItem>;

export type OutputItem = OutputMessage | FunctionCallItem | ReasoningItem;

export const ResponseObject = z
  .object({
    id: z.string(),
    object: z.literal('response'),
    created_at: z.int(),
    status: z.enum(['in_progress', 'completed', 'incomplete']),
    error: z.null(),
    incomplete_details: z.object({ reason: z.literal('max_output_tokens') }).nullable(),
    instructions: z.string().nullable(),
    max_output_tokens: z.int().nullable(),
    model: z.string(),
    output: z.array(z.discriminatedUnion('type', [OutputMessage, FunctionCallItem, ReasoningItem])),
    parallel_tool_calls: z.boolean(),
    previous_response_id: z.string().nullable(),
    store: z.boolean(),
    temperature: z.number(),
    text: z.object({ format: z.looseObject({ type: z.string() }) }),
    tool_choice: ResponseToolChoice,
    tools: z.array(z.unknown()),
    top_logprobs: z.int(),
    top_p: z.number(),
    truncation: z.literal('disabled'),
    metadata: z.unknown(),
    usage: z
      .object({
        input_tokens: z.int(),
        input_tokens_details: z.object({ cached_tokens: z.int() }),
        output_tokens: z.int(),
        output_tokens_details: z.object({ reasoning_tokens: z.int() }),
        total_tokens: z.int(),
      })
      .nullable(),
    loosened_tools: LoosenedTools,
    tool_call_faults: ToolCallFaults,
    steering: SteeringReceipts,
    monitor: MonitorReceipts,
    sampling_defaults: SamplingDefaults,
    monitor_readings: ChoiceMonitor.optional().meta({ description: 'What was monitored at each token.' }),
  })
  .meta({ id: 'Response' });
export type ResponseObject = z.output<typeof ResponseObject>;

export const ResponseDeleted = z.object({
  id: z.string(),
  object: z.literal('response.deleted'),
  deleted: z.literal(true),
});

/** One event of a stream: response.created, response.in_progress, ..., response.completed or response.incomplete. */
export const ResponseEvent = z
  .looseObject({ type: z.string(), sequence_number: z.int() })
  .meta({ id: 'ResponseEvent' });
