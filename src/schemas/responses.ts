/** `POST /v1/responses` in its text form: OpenAI's shapes with steering. Nothing is stored between requests. */
import { z } from 'zod';
import { GenerationFields, SteeringReceipts } from './generation.js';
import { list } from './list.js';
import { ChoiceMonitor, MonitorFields, MonitorReceipts } from './monitor.js';
import { SteeringFields } from './steering.js';

const InputText = z.looseObject({
  type: z.enum(['input_text', 'output_text'], {
    error: 'must be "input_text" or "output_text": this server reads text only',
  }),
  text: z.string(),
});

const InputMessage = z.looseObject({
  type: z.literal('message', { error: 'must be "message": this server reads messages only' }).optional(),
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: z.union([z.string(), list(InputText, { min: 1, max: 10_000 })]),
});

/** Of text.format: OpenAI's flat form of json_schema. */
const TextFormat = z.looseObject({
  type: z.enum(['text', 'json_object', 'json_schema']),
  name: z.string().max(64).optional(),
  schema: z.record(z.string(), z.unknown()).optional(),
  strict: z.boolean().nullish(),
});

const { n: _n, max_tokens: _m, stream_options: _s, ...generation } = GenerationFields;

export const ResponseRequest = z
  .looseObject({
    input: z
      .union([z.string().min(1), list(InputMessage, { min: 1, max: 16_384 })])
      .meta({ description: 'A text of the user, or messages.' }),
    instructions: z.string().nullish().meta({ description: 'The system message, before the input.' }),
    max_output_tokens: z.int().min(1).nullish().meta({ description: 'Most tokens of the answer.' }),
    text: z.looseObject({ format: TextFormat.nullish() }).nullish(),
    ...generation,
    ...SteeringFields,
    ...MonitorFields,
  })
  .meta({
    id: 'ResponseRequest',
    example: { input: 'What did you do today?', concept: 'pirate', strength: 1, max_output_tokens: 60 },
  });
export type ResponseRequest = z.output<typeof ResponseRequest>;

const OutputText = z.object({
  type: z.literal('output_text'),
  text: z.string(),
  annotations: z.array(z.unknown()),
  logprobs: z.array(z.unknown()),
});

const OutputMessage = z.object({
  type: z.literal('message'),
  id: z.string(),
  status: z.enum(['in_progress', 'completed', 'incomplete']),
  role: z.literal('assistant'),
  content: z.array(OutputText),
});
export type OutputMessage = z.output<typeof OutputMessage>;

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
    output: z.array(OutputMessage),
    parallel_tool_calls: z.boolean(),
    previous_response_id: z.null(),
    store: z.literal(false),
    temperature: z.number(),
    text: z.object({ format: z.looseObject({ type: z.string() }) }),
    tool_choice: z.literal('none'),
    tools: z.array(z.unknown()),
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
    monitor_readings: ChoiceMonitor.optional().meta({ description: 'What was monitored at each token.' }),
  })
  .meta({ id: 'Response' });
export type ResponseObject = z.output<typeof ResponseObject>;

/** One event of a stream: response.created, response.in_progress, ..., response.completed or response.incomplete. */
export const ResponseEvent = z
  .looseObject({ type: z.string(), sequence_number: z.int() })
  .meta({ id: 'ResponseEvent' });
