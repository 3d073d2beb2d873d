/** `POST /v1/responses` with text and functions: OpenAI's shapes with steering. Nothing is stored between requests. */
import { z } from 'zod';
import { asSent } from './as-sent.js';
import { choice, isObject, list } from './fields.js';
import { GenerationFields, mostTopLogprobs, SamplingDefaults, SteeringReceipts } from './generation.js';
import { ChatLogprobs } from './logprobs.js';
import { ChoiceMonitor, MonitorFields, MonitorReceipts } from './monitor.js';
import { SteeringFields } from './steering.js';
import { functionName } from './tools.js';

const InputText = z.looseObject({
  type: z.enum(['input_text', 'output_text'], {
    error: 'must be "input_text" or "output_text": this server reads text only',
  }),
  text: z.string(),
});

const mostParts = 10_000;

const InputContent = choice(
  [z.string(), list(InputText, { min: 1, max: mostParts })],
  (content) => (Array.isArray(content) ? 1 : 0),
  mostParts,
);

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

const UnknownItem = z.looseObject({
  type: z.literal('message', {
    error: 'must be "message", "function_call" or "function_call_output": this server reads no others',
  }),
});

const InputItem = choice([InputMessage, InputCall, InputCallOutput, UnknownItem], (item) => {
  const type = isObject(item) && 'type' in (item as object) ? (item as { type: unknown }).type : 'message';
  return ['message', 'function_call', 'function_call_output'].indexOf(String(type)) & 3;
}).transform((item) => item as InputItem);
export type InputItem =
  | z.output<typeof InputMessage>
  | z.output<typeof InputCall>
  | z.output<typeof InputCallOutput>;

/** Of text.format: OpenAI's flat form of json_schema. */
const TextFormat = z.looseObject({
  type: z.enum(['text', 'json_object', 'json_schema']),
  name: z.string().max(64).optional(),
  schema: z.record(z.string(), z.unknown()).optional(),
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

const ResponseToolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.looseObject({ type: z.literal('function'), name: functionName }),
]);

const {
  n: _n,
  max_tokens: _m,
  stream_options: _s,
  prompt_logprobs: _p,
  return_token_ids: _r,
  ...generation
} = GenerationFields;

export const responseFields = z.looseObject({
  input: z
    .union([z.string().min(1), list(InputItem, { min: 1, max: 16_384 })])
    .meta({ description: 'A text of the user, or messages, function calls and their outputs.' }),
  instructions: z.string().nullish().meta({ description: 'The system message, before the input.' }),
  max_output_tokens: z.int().min(1).nullish().meta({ description: 'Most tokens of the answer.' }),
  text: z.looseObject({ format: TextFormat.nullish() }).nullish(),
  include: z.array(z.enum(includable)).max(16).nullish().meta({
    description: '`message.output_text.logprobs`; the others are of what this server does not make.',
  }),
  top_logprobs: z.int().min(0).max(mostTopLogprobs).nullish().meta({
    description: 'How many of the likeliest tokens at each position, with log-probabilities.',
  }),
  tools: list(ResponseTool, { max: 64 }).nullish().meta({
    description: 'Functions that the model may call; other tools there are none.',
  }),
  tool_choice: ResponseToolChoice.nullish().meta({ default: 'auto' }),
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

export type OutputItem = OutputMessage | FunctionCallItem;

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
    output: z.array(z.discriminatedUnion('type', [OutputMessage, FunctionCallItem])),
    parallel_tool_calls: z.boolean(),
    previous_response_id: z.null(),
    store: z.literal(false),
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
    steering: SteeringReceipts,
    monitor: MonitorReceipts,
    sampling_defaults: SamplingDefaults,
    monitor_readings: ChoiceMonitor.optional().meta({ description: 'What was monitored at each token.' }),
  })
  .meta({ id: 'Response' });
export type ResponseObject = z.output<typeof ResponseObject>;

/** One event of a stream: response.created, response.in_progress, ..., response.completed or response.incomplete. */
export const ResponseEvent = z
  .looseObject({ type: z.string(), sequence_number: z.int() })
  .meta({ id: 'ResponseEvent' });
