/** Models as `GET /v1/models` lists them: OpenAI's fields, and what steering needs to know. */
import { z } from 'zod';

const modelStates = ['unloaded', 'loading', 'ready', 'unloading', 'failed'] as const;

export const ModelObject = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    created: z.int().meta({ description: 'Unix seconds when its graph was written.' }),
    owned_by: z.string(),
    max_model_len: z.int().nullable().meta({ description: 'Tokens of prompt and answer together.' }),
    max_model_len_reason: z.string().nullable().meta({
      description: 'Why that many, in words: the model, the settings, or the memory set the limit.',
    }),
    layers: z.int().nullable().meta({ description: 'Decoder blocks: steering counts them from 0.' }),
    hidden_size: z.int().nullable(),
    fingerprint: z
      .string()
      .nullable()
      .meta({ description: 'SHA-256: which export this is. null until it is loaded.' }),
    state: z.enum(modelStates).meta({
      description: 'A model that is not ready is loaded by the first request that names it.',
    }),
    size: z
      .object({
        weights: z.int().meta({ description: 'Bytes of its graph and weights.' }),
        kv: z.int().meta({ description: 'Bytes of its KV cache when every slot is full.' }),
      })
      .nullable(),
    slots: z.int().nullable().meta({ description: 'Sequences that run at once.' }),
    device: z.string().nullable().meta({ description: 'Where it runs, when it does: cuda, webgpu or cpu.' }),
    in_use: z.int().meta({ description: 'Calls and jobs that keep it in memory.' }),
    pinned: z.boolean().meta({ description: 'Neither idle time nor the need for memory unloads it.' }),
    idle_seconds: z
      .int()
      .nullable()
      .meta({ description: 'Unused for that long it is unloaded; 0 for never.' }),
    concepts: z.int().meta({ description: 'How many concepts it has.' }),
    problem: z.string().nullable().meta({ description: 'Why it cannot be loaded, as far as that is known.' }),
    parent: z
      .string()
      .optional()
      .meta({ description: 'Of an alias `model@concept:strength`: the model it steers.' }),
  })
  .meta({
    id: 'Model',
    examples: [
      {
        id: 'smollm2-135m-instruct',
        object: 'model',
        created: 1767225600,
        owned_by: 'steerd',
        max_model_len: 8192,
        max_model_len_reason: "the model's own",
        layers: 30,
        hidden_size: 576,
        fingerprint: '9c1f6ed0b1f0f7f6a1d0a9d7b1d6f3a0c5a7f2f7e8b9d0c1e2f3a4b5c6d7e8f9',
        state: 'ready',
        size: { weights: 145824571, kv: 6417285120 },
        slots: 16,
        device: 'cpu',
        in_use: 0,
        pinned: true,
        idle_seconds: 0,
        concepts: 12,
        problem: null,
      },
    ],
  });
export type ModelObject = z.output<typeof ModelObject>;

export const ModelList = z
  .object({ object: z.literal('list'), data: z.array(ModelObject) })
  .meta({ id: 'ModelList' });

export const ModelListQuery = z.object({
  aliases: z
    .enum(['true', 'false'])
    .optional()
    .meta({ description: 'true: also `model@concept:1` for every registered concept.' }),
});

export const ModelParams = z.object({ id: z.string().meta({ examples: ['smollm2-135m-instruct'] }) });

/** Optional choice of a model where the default one is meant otherwise. */
export const ModelQuery = z.object({
  model: z.string().min(1).optional().meta({ description: 'Id of a model; the default one if left out.' }),
});

export const UnloadRequest = z
  .object({
    force: z.boolean().default(false).meta({ description: 'Also when it is in use: what runs on it fails.' }),
  })
  .meta({ id: 'UnloadRequest', example: { force: false } });
