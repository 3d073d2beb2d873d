/** Models as `GET /v1/models` lists them: OpenAI's fields, and what steering needs to know. */
import { z } from 'zod';
import type { LoadedModel } from '../models/model.js';

export const ModelObject = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    created: z.int().meta({ description: 'Unix seconds when it was loaded.' }),
    owned_by: z.string(),
    max_model_len: z.int().meta({ description: 'Tokens of prompt and answer together.' }),
    layers: z.int().meta({ description: 'Decoder blocks: steering counts them from 0.' }),
    hidden_size: z.int(),
    fingerprint: z.string().meta({ description: 'SHA-256: which export this is.' }),
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
        max_model_len: 4096,
        layers: 30,
        hidden_size: 576,
        fingerprint: '9c1f6ed0b1f0f7f6a1d0a9d7b1d6f3a0c5a7f2f7e8b9d0c1e2f3a4b5c6d7e8f9',
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

export function toModelObject({ id, created, engine: { shape } }: LoadedModel): ModelObject {
  return {
    id,
    object: 'model',
    created,
    owned_by: 'steerd',
    max_model_len: shape.capacity,
    layers: shape.layers,
    hidden_size: shape.hiddenSize,
    fingerprint: shape.fingerprint,
  };
}
