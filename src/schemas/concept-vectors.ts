/** A concept's numbers as JSON: what `GET` and `PUT /v1/concepts/{name}/vectors` carry beside the binary formats. */
import { z } from 'zod';
import { conceptLimits } from '../common/concept-limits.js';
import { list } from './fields.js';
import { ConceptReadings } from './readings.js';

export const vectorFormats = ['json', 'safetensors', 'gguf', 'npz', 'npy'] as const;
export type VectorFormat = (typeof vectorFormats)[number];

export const VectorEncoding = z.enum(['float', 'base64']);
export type VectorEncoding = z.output<typeof VectorEncoding>;

const row = z.union([z.array(z.number()), z.string()]).meta({
  description: 'The numbers, or the base64 of their float32 bytes, little-endian.',
});

const details = z.record(z.string(), z.unknown());

export const ConceptVectors = z
  .object({
    object: z.literal('concept.vectors'),
    name: z.string(),
    version: z.string().meta({ description: "SHA-256 of the concept's content." }),
    model: z.string(),
    model_fingerprint: z.string().meta({ description: 'The export that the concept belongs to.' }),
    layers: z.int(),
    hidden_size: z.int(),
    vectors: z
      .record(z.string(), row)
      .meta({ description: 'Block number to unit vector; blocks without one are left out.' }),
    coefficients: z
      .array(z.number())
      .meta({ description: 'Per block of the model: the coefficient on its vector at strength 1.' }),
    residual_norms: z.array(z.number()).meta({ description: 'Per block: the unit of scale "norm".' }),
    calibration: z.object({
      method: z.string(),
      negative_ratio: z
        .number()
        .positive()
        .default(1)
        .meta({ description: 'Strength -1 is that many times as strong as strength 1.' }),
      details,
    }),
    record: z.object({
      recipe: z.string(),
      method: z.string(),
      prefix: z.string(),
      seed: z.int(),
      details,
    }),
    readings: ConceptReadings.optional().meta({
      description: 'Left out where they were not measured; read only for the export they were measured on.',
    }),
  })
  .meta({
    id: 'ConceptVectors',
    description: 'At strength 1 the block l adds coefficients[l] * vectors[l].',
    examples: [
      {
        object: 'concept.vectors',
        name: 'calm',
        version: '0f4c9b7f6e0e6f3f4b8a5b9a6f0f6d1c6b5e0f3d2a1b4c7d8e9f0a1b2c3d4e5f',
        model: 'tiny',
        model_fingerprint: '9c1f6ed0b1f0f7f6a1d0a9d7b1d6f3a0c5a7f2f7e8b9d0c1e2f3a4b5c6d7e8f9',
        layers: 3,
        hidden_size: 2,
        vectors: { 1: [0.6, 0.8], 2: 'AACAPwAAAAA=' },
        coefficients: [0, 1.5, 2],
        residual_norms: [3, 12, 16],
        calibration: { method: 'norm_share', negative_ratio: 1, details: {} },
        record: { recipe: 'responses', method: 'mean_difference', prefix: 'Be calm.', seed: 0, details: {} },
      },
    ],
  });
export type ConceptVectors = z.output<typeof ConceptVectors>;

const perLayer = list(z.number(), { max: conceptLimits.layers });
const rowInput = z.union([list(z.number(), { max: conceptLimits.hiddenSize }), z.string()]);

/** What an import needs: the vectors. Of any length; without coefficients their length counts as the coefficient. */
export const ConceptVectorsInput = z
  .looseObject({
    vectors: z
      .custom<unknown>(
        (rows) => typeof rows === 'object' && Object.keys(rows ?? {}).length <= conceptLimits.layers,
        { error: `must be an object of at most ${conceptLimits.layers} blocks`, abort: true },
      )
      .pipe(z.record(z.string(), rowInput)),
    coefficients: perLayer.optional(),
    residual_norms: perLayer.optional(),
    ...ConceptVectors.partial().pick({
      model_fingerprint: true,
      calibration: true,
      record: true,
      readings: true,
    }).shape,
  })
  .meta({ id: 'ConceptVectorsImport', examples: [{ vectors: { 1: [0.6, 0.8], 2: [3, 4] } }] });
export type ConceptVectorsInput = z.output<typeof ConceptVectorsInput>;
