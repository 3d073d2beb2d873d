/** Ollama's API under /api: its shapes with steering. Sizes are bytes, durations nanoseconds. */
import { z } from 'zod';
import { mostTexts } from './embeddings.js';
import { list } from './fields.js';
import { mostStopStrings, SamplingDefaults, SteeringReceipts } from './generation.js';
import { MonitorFields, MonitorReceipts } from './monitor.js';
import { SteeringFields } from './steering.js';

const given = <Schema extends z.ZodType>(schema: Schema) => schema.nullish();

/** Loose: what concerns how Ollama runs a model (num_ctx, num_gpu, ...) is ignored. */
const Options = z
  .looseObject({
    num_predict: given(z.int()),
    temperature: given(z.number()),
    top_k: given(z.int()),
    top_p: given(z.number()),
    min_p: given(z.number()),
    repeat_penalty: given(z.number()),
    presence_penalty: given(z.number()),
    frequency_penalty: given(z.number()),
    seed: given(z.number()),
    stop: given(z.union([z.string(), list(z.string(), { max: mostStopStrings })])),
  })
  .meta({ description: 'Also `concept`, `strength` and `steering`, for clients that send nothing else.' });
export type OllamaOptions = z.output<typeof Options>;

const Images = z.array(z.unknown()).max(0, { error: 'must be empty: this server reads text only' }).nullish();

const common = {
  model: z
    .string()
    .min(1)
    .nullish()
    .meta({ description: 'With or without `:latest`; the default one if left out.' }),
  stream: given(z.boolean()).meta({ default: true, description: 'Answer as lines of JSON.' }),
  format: given(z.union([z.enum(['', 'json']), z.record(z.string(), z.unknown())])).meta({
    description: '"json", or the schema of the answer.',
  }),
  options: given(Options),
  keep_alive: z
    .unknown()
    .optional()
    .meta({ description: 'Ignored: the server keeps models by its settings.' }),
  think: given(z.union([z.boolean(), z.enum(['low', 'medium', 'high'])])).meta({
    description: 'For templates with `enable_thinking`.',
  }),
};
const steered = { ...SteeringFields, ...MonitorFields };

const Call = z.looseObject({
  function: z.looseObject({
    name: z.string(),
    arguments: z.union([z.record(z.string(), z.unknown()), z.string()]),
  }),
});

const Message = z.looseObject({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: given(z.string()),
  images: Images,
  tool_calls: given(list(Call, { max: 64 })),
  tool_name: given(z.string()),
  tool_call_id: given(z.string()),
});

export const OllamaChatRequest = z
  .looseObject({
    ...common,
    messages: given(list(Message, { max: 16_384 })).meta({ description: 'None: only loads the model.' }),
    tools: z.unknown().optional().meta({ description: 'As in a chat completion.' }),
    ...steered,
  })
  .meta({
    id: 'OllamaChatRequest',
    example: {
      messages: [{ role: 'user', content: 'What did you do today?' }],
      stream: false,
      concept: 'pirate',
      strength: 1,
    },
  });
export type OllamaChatRequest = z.output<typeof OllamaChatRequest>;

export const OllamaGenerateRequest = z
  .looseObject({
    ...common,
    prompt: given(z.string()).meta({ description: 'Empty: only loads the model.' }),
    system: given(z.string()),
    raw: given(z.boolean()).meta({
      default: false,
      description: 'The prompt as it is, without the chat template.',
    }),
    images: Images,
    suffix: given(z.string()),
    template: given(z.string()),
    context: z.unknown().optional().meta({ description: 'Ignored: send a conversation to /api/chat.' }),
    ...steered,
  })
  .meta({
    id: 'OllamaGenerateRequest',
    example: { prompt: 'What did you do today?', stream: false, concept: 'pirate', strength: 1 },
  });
export type OllamaGenerateRequest = z.output<typeof OllamaGenerateRequest>;

const durations = {
  total_duration: z.int().optional(),
  load_duration: z.int().optional(),
  prompt_eval_count: z.int().optional(),
  prompt_eval_duration: z.int().optional(),
  eval_count: z.int().optional(),
  eval_duration: z.int().optional(),
};

const reply = {
  model: z.string(),
  created_at: z.string(),
  done: z.boolean(),
  done_reason: z.enum(['stop', 'length', 'load']).optional(),
  ...durations,
  steering: SteeringReceipts,
  monitor: MonitorReceipts,
  sampling_defaults: SamplingDefaults,
};

export const OllamaChatReply = z
  .object({
    message: z.object({
      role: z.literal('assistant'),
      content: z.string(),
      thinking: z.string().optional(),
      tool_calls: z
        .array(
          z.object({
            function: z.object({ name: z.string(), arguments: z.record(z.string(), z.unknown()) }),
          }),
        )
        .optional(),
    }),
    ...reply,
  })
  .meta({ id: 'OllamaChatReply' });
export type OllamaChatReply = z.output<typeof OllamaChatReply>;

export const OllamaGenerateReply = z
  .object({ response: z.string(), thinking: z.string().optional(), ...reply })
  .meta({ id: 'OllamaGenerateReply' });
export type OllamaGenerateReply = z.output<typeof OllamaGenerateReply>;

const Details = z.object({
  parent_model: z.string(),
  format: z.literal('onnx'),
  family: z.string(),
  families: z.array(z.string()),
  parameter_size: z.string(),
  quantization_level: z.string(),
});

const ListedModel = z.object({
  name: z.string(),
  model: z.string(),
  modified_at: z.string(),
  size: z.int(),
  digest: z.string(),
  details: Details,
});
export type OllamaModel = z.output<typeof ListedModel>;

export const OllamaTags = z.object({ models: z.array(ListedModel) }).meta({ id: 'OllamaTags' });
export const OllamaRunning = z
  .object({ models: z.array(ListedModel.extend({ size_vram: z.int(), expires_at: z.string() })) })
  .meta({ id: 'OllamaRunning' });

export const OllamaShowRequest = z
  .looseObject({ model: given(z.string()), name: given(z.string()), verbose: given(z.boolean()) })
  .meta({ id: 'OllamaShowRequest', examples: [{ model: 'smollm2-135m-instruct' }] });

export const OllamaShown = z
  .object({
    modelfile: z.string(),
    parameters: z.string(),
    template: z
      .string()
      .meta({ description: 'The chat template, in Jinja; empty until the model is loaded.' }),
    license: z.string(),
    modified_at: z.string(),
    details: Details,
    model_info: z.record(z.string(), z.unknown()),
    capabilities: z.array(z.enum(['completion', 'tools', 'embedding', 'thinking'])),
  })
  .meta({ id: 'OllamaShown' });
export type OllamaShown = z.output<typeof OllamaShown>;

export const OllamaEmbedRequest = z
  .looseObject({
    model: given(z.string()),
    input: z.union([z.string(), list(z.string(), { max: mostTexts })]),
    truncate: given(z.boolean()).meta({ default: true }),
    dimensions: given(z.int()),
  })
  .meta({ id: 'OllamaEmbedRequest', example: { input: ['The sea is calm.'] } });

export const OllamaEmbeddings = z
  .object({
    model: z.string(),
    embeddings: z.array(z.array(z.number())),
    total_duration: z.int(),
    load_duration: z.int(),
    prompt_eval_count: z.int(),
  })
  .meta({ id: 'OllamaEmbeddings' });

export const OllamaVersion = z.object({ version: z.string() }).meta({ id: 'OllamaVersion' });
