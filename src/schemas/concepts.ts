/** A concept as HTTP shows it. */
import { z } from 'zod';
import { ModelQuery } from './models.js';

export const ConceptObject = z
  .object({
    id: z.string().describe('The name: what a request gives as `concept`.'),
    object: z.literal('concept'),
    name: z.string(),
    model: z.string().describe('Id of the model it was fitted for and works on.'),
    version: z
      .string()
      .describe('SHA-256 (hex) of the content: another fit of the same name has another version.'),
    model_fingerprint: z
      .string()
      .describe('SHA-256 (hex) over the graph and samples of the weights that it was fitted on.'),
    created: z.int().describe('Unix seconds.'),
    source: z.enum(['shipped', 'data']).describe('`shipped` comes with the model and cannot be deleted.'),
    layers: z.int().describe('Layers of the model; layer l is steered at the output of block l.'),
    hidden_size: z.int().describe("Width of the model's residual stream."),
    recipe: z.string().describe('Which activations the fit read.'),
    method: z.string().describe('How the vectors came from the activations.'),
    prefix: z.string().describe('What stated the concept to the model during the fit.'),
    seed: z.int(),
    warnings: z
      .array(z.string())
      .optional()
      .describe('What its fit or import left out or doubted, in words; also in `details`.'),
    details: z
      .record(z.string(), z.unknown())
      .describe(
        'Whatever else the fit recorded; `layers` has what the method chose at each: token, validation_r, sign and more.',
      ),
    calibration: z.object({
      method: z.string().describe('What chose the coefficients.'),
      coefficients: z
        .array(z.number())
        .describe(
          'Per layer: the coefficient on the unit vector at strength 1; 0 where not steered by default.',
        ),
      negative_ratio: z
        .number()
        .describe(
          'Strength -1 is that many times as strong as strength 1: the two directions are measured apart.',
        ),
      details: z
        .record(z.string(), z.unknown())
        .describe('What was measured: with method `fluency` the bound and the whole curve.'),
    }),
    residual_norms: z
      .array(z.number())
      .describe('Per layer: mean L2 norm of the block outputs seen in the fit.'),
  })
  .meta({
    id: 'Concept',
    description: 'A direction per layer that steers one model, with how it was fitted and how strong 1.0 is.',
    example: {
      id: 'pirate',
      object: 'concept',
      name: 'pirate',
      model: 'smollm2-135m-instruct',
      version: '0f4c9b7f6e0e6f3f4b8a5b9a6f0f6d1c6b5e0f3d2a1b4c7d8e9f0a1b2c3d4e5f',
      model_fingerprint: '5d2a1b4c7d8e9f0a1b2c3d4e5f6e0e6f3f4b8a5b9a6f0f6d1c6b5e0f3d0f4c9b',
      created: 1760000000,
      source: 'shipped',
      layers: 4,
      hidden_size: 64,
      recipe: 'responses',
      method: 'mean_difference',
      prefix: 'You are a pirate.',
      seed: 0,
      details: {},
      calibration: {
        method: 'residual_norm',
        coefficients: [0, 1.5, 2, 2.5],
        negative_ratio: 1,
        details: {},
      },
      residual_norms: [3, 12, 16, 20],
    },
  });
export type ConceptObject = z.output<typeof ConceptObject>;

/** Without what grows with the fit. */
const ConceptSummary = ConceptObject.omit({ details: true, calibration: true, residual_norms: true }).meta({
  id: 'ConceptSummary',
  description: 'A concept as lists show it: GET /v1/concepts/{name} tells the rest.',
});

export const ConceptParams = z.object({ name: z.string().meta({ examples: ['pirate'] }) });

export const DeletedConcept = z
  .object({
    id: z.string(),
    object: z.literal('concept'),
    model: z.string(),
    version: z.string(),
    deleted: z.literal(true),
  })
  .meta({ id: 'DeletedConcept' });

const largestPage = 1000;

export const ConceptPageQuery = ModelQuery.extend({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(largestPage)
    .default(largestPage)
    .meta({ description: 'Concepts of a page.' }),
  after: z.string().optional().meta({ description: 'A name: the page begins behind it.' }),
});

export type ConceptPageQuery = z.output<typeof ConceptPageQuery>;

export const ConceptList = z
  .object({
    object: z.literal('list'),
    data: z.array(ConceptSummary),
    has_more: z.boolean().meta({ description: 'There is a next page.' }),
  })
  .meta({ id: 'ConceptList', description: 'Concepts, sorted by name.' });
export type ConceptList = z.output<typeof ConceptList>;

const maxTerms = 16;

export const ComposeRequest = z
  .strictObject({
    model: z.string().min(1).optional(),
    terms: z
      .array(
        z.strictObject({
          concept: z.string().min(1).max(200),
          weight: z.number().min(-100).max(100).default(1).describe('Strength of this concept in the sum.'),
        }),
      )
      .min(1)
      .max(maxTerms),
  })
  .meta({
    id: 'ComposeRequest',
    description: 'Strength 1 of the result is every term at its weight. Negative weights subtract.',
    examples: [
      {
        terms: [
          { concept: 'pirate', weight: 0.7 },
          { concept: 'sad', weight: -0.3 },
        ],
      },
    ],
  });
export type ComposeRequest = z.output<typeof ComposeRequest>;
