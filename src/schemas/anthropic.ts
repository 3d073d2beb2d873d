/** `POST /v1/messages`: Anthropic's shapes with steering. */
import { z } from 'zod';
import { asSent } from './as-sent.js';
import { list } from './fields.js';
import { SamplingDefaults, SteeringReceipts } from './generation.js';
import { MonitorFields, MonitorReceipts } from './monitor.js';
import { SteeringFields } from './steering.js';
import { mostTools } from './tools.js';

const mostBlocks = 10_000;

const TextBlock = z.looseObject({ type: z.literal('text'), text: z.string() });
const textBlocks = list(TextBlock, { max: mostBlocks });

const DocumentBlock = z.looseObject({
  type: z.literal('document'),
  source: z.looseObject({
    type: z.literal('text', { error: 'must be "text": this server reads text only' }),
    data: z.string(),
  }),
  title: z.string().nullish(),
});

const ToolUseBlock = z.looseObject({
  type: z.literal('tool_use'),
  id: z.string(),
  name: z.string(),
  input: z.record(z.string(), z.unknown()).nullish(),
});

const ToolResultBlock = z.looseObject({
  type: z.literal('tool_result'),
  tool_use_id: z.string(),
  content: z.union([z.string(), textBlocks]).nullish(),
  is_error: z.boolean().nullish(),
});

const ThinkingBlock = z.looseObject({ type: z.enum(['thinking', 'redacted_thinking']) });

const Block = z.discriminatedUnion(
  'type',
  [TextBlock, DocumentBlock, ToolUseBlock, ToolResultBlock, ThinkingBlock],
  {
    error:
      'must be an object with type "text", "document", "tool_use", "tool_result" or "thinking": this server reads text only',
  },
);
export type AnthropicBlock = z.output<typeof Block>;

const Message = z.looseObject({
  role: z.enum(['user', 'assistant', 'system']),
  content: z.union([z.string(), list(Block, { max: mostBlocks })]),
});

const Tool = z.looseObject({
  type: z.literal('custom', { error: 'must be "custom": this server has no tools of its own' }).nullish(),
  name: z.string(),
  description: z.string().nullish(),
  input_schema: z.record(z.string(), z.unknown()),
  strict: z.boolean().nullish(),
});

const ToolChoice = z.looseObject({
  type: z.enum(['auto', 'any', 'tool', 'none']),
  name: z.string().nullish(),
  disable_parallel_tool_use: z.boolean().nullish(),
});

const OutputFormat = z.looseObject({
  type: z.literal('json_schema'),
  schema: z.record(z.string(), z.unknown()),
});

/** Fields that both endpoints have. */
const conversation = {
  model: z.string().min(1).nullish().meta({ description: "The server's default one if left out." }),
  messages: list(Message, { min: 1, max: 16_384 }).meta({
    description: 'A last message of the assistant is the begin of the answer.',
  }),
  system: z.union([z.string(), textBlocks]).nullish(),
  tools: list(Tool, { max: mostTools }).nullish(),
  tool_choice: ToolChoice.nullish(),
  thinking: z
    .looseObject({ type: z.enum(['enabled', 'disabled', 'adaptive']) })
    .nullish()
    .meta({ description: 'For templates with `enable_thinking`.' }),
};

export const anthropicFields = z.looseObject({
  ...conversation,
  max_tokens: z.int().min(1).meta({ description: 'Most tokens of the answer.' }),
  stop_sequences: list(z.string().min(1).max(1024), { max: 16 }).nullish(),
  stream: z.boolean().nullish().meta({ default: false }),
  temperature: z.number().min(0).max(2).nullish().meta({ default: 0.7 }),
  top_p: z.number().gt(0).max(1).nullish(),
  top_k: z.int().min(-1).nullish(),
  seed: z.int().nullish().meta({ description: 'Same seed, same answer.' }),
  output_config: z.looseObject({ format: OutputFormat.nullish() }).nullish(),
  output_format: OutputFormat.nullish(),
  metadata: z.unknown().optional().meta({ description: 'Ignored.' }),
  service_tier: z.string().nullish().meta({ description: 'Ignored.' }),
  ...SteeringFields,
  ...MonitorFields,
});

export const AnthropicRequest = z.preprocess(asSent(), anthropicFields).meta({
  id: 'AnthropicRequest',
  example: {
    max_tokens: 60,
    messages: [{ role: 'user', content: 'What did you do today?' }],
    concept: 'pirate',
    strength: 1,
  },
});
export type AnthropicRequest = z.output<typeof AnthropicRequest>;

export const AnthropicCountRequest = z.looseObject(conversation).meta({
  id: 'AnthropicCountRequest',
  example: { messages: [{ role: 'user', content: 'What did you do today?' }] },
});
export type AnthropicCountRequest = z.output<typeof AnthropicCountRequest>;

export const AnthropicCount = z.object({ input_tokens: z.int() }).meta({ id: 'AnthropicCount' });

export const AnthropicStopReason = z.enum(['end_turn', 'max_tokens', 'stop_sequence', 'tool_use']);
export type AnthropicStopReason = z.output<typeof AnthropicStopReason>;

const ContentBlock = z.discriminatedUnion('type', [
  z.object({ type: z.literal('thinking'), thinking: z.string(), signature: z.string() }),
  z.object({ type: z.literal('text'), text: z.string(), citations: z.null() }),
  z.object({
    type: z.literal('tool_use'),
    id: z.string(),
    name: z.string(),
    input: z.record(z.string(), z.unknown()),
  }),
]);
export type AnthropicContent = z.output<typeof ContentBlock>;

const Usage = z.object({
  input_tokens: z.int(),
  output_tokens: z.int(),
  cache_creation_input_tokens: z.int(),
  cache_read_input_tokens: z.int(),
});

export const AnthropicMessage = z
  .object({
    id: z.string(),
    type: z.literal('message'),
    role: z.literal('assistant'),
    model: z.string(),
    content: z.array(ContentBlock),
    stop_reason: AnthropicStopReason.nullable(),
    stop_sequence: z.string().nullable(),
    usage: Usage,
    steering: SteeringReceipts,
    monitor: MonitorReceipts,
    sampling_defaults: SamplingDefaults,
  })
  .meta({ id: 'AnthropicMessage' });
export type AnthropicMessage = z.output<typeof AnthropicMessage>;

/** One event of a stream: message_start, content_block_start, ..., message_stop. */
export const AnthropicEvent = z.looseObject({ type: z.string() }).meta({ id: 'AnthropicEvent' });
