/** A concept as HTTP shows it. */
import { z } from 'zod';
import { conceptNameExpected, isConceptName } from '../common/names.js';
import { formed } from './fields.js';
import { ModelQuery } from './models.js';
import { ConceptReadings } from './readings.js';

/** `calibration.details`, written by calibration-details.ts and glance-calibration.ts in src/fitting/measure. */
const calibrationDetails = [
  'What was measured. With method `glance` only `share`, `prefix`, `prefix_role`, `questions` and `max_tokens`. With method `harmonic`:',
  '- `share`: of strength 1, the mean over the steered layers of |edit| / |residual|; `share_interval`: its 95 % bootstrap interval over the questions; `negative_share`: of strength -1.',
  '- `max_strength`: the largest strength inside `bound` (least `fluency`, most nats of `divergence` or null).',
  '- `scores`: at strength 1 `concept` (evidence against decoys as a share of what the told model shows; null where nothing states the concept), `fluency`, `instruction` (whether answers still answer their questions) and `harmonic`, their harmonic mean; each from 0 to 1. `weak`: `concept` is below 0.25.',
  '- `told`: what the model shows when it is simply told: `evidence` (nats per token), `identified` (share of its answers that the own message explains better than every decoy), and `follows`, whether that is anything at all; null where nothing states the concept.',
  '- `onset_strength`: where a quarter of the told concept shows; null where it never does.',
  '- `suppression`: of strength -1 on told prompts, `suppressed` (share of the told evidence that is gone) and `fluency`, with the `curve` measured; null where nothing states the concept.',
  "- `curve`: the scores measured at each share, with `identified` and `divergence_95` (95th percentile of the tokens' KL divergence from unsteered, nats); `smooth`: the sigmoids through them, y = top / (1 + (middle / share)^slope).",
  '- `samples`: two questions, answered plainly and steered near strength 1.',
  '- `side_effects`: at strengths 0.5, 1 and the largest, the change in log-probability of neutral texts, simple facts still right and valid JSON; null with `strength_only`.',
  '- `prefix`, `prefix_role`, `decoys`, `questions`, `max_tokens`: what was asked, and how the concept was stated.',
  '- `answers`: one row for each answer, `columns` naming what stands in it: `plain`, `told`, `steered` and `told_and_steered` (negative shares). Scores, curves, strength 1 with its interval, and suppression can be computed from them again.',
].join('\n');

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
      .describe(
        'In words: what its fit or import left out or doubted (also in `details`), and what its calibration found wanting, with what to do instead.',
      ),
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
      details: z.record(z.string(), z.unknown()).describe(calibrationDetails),
    }),
    weak: z
      .boolean()
      .optional()
      .describe(
        'Strength 1 shows little of the concept. Only where a calibration with something that states it measured that.',
      ),
    max_strength: z
      .number()
      .optional()
      .describe("The largest strength inside the calibration's bound. Only where it was measured."),
    residual_norms: z
      .array(z.number())
      .describe('Per layer: mean L2 norm of the block outputs seen in the fit.'),
    readings: ConceptReadings.nullable().describe(
      'What neutral and told answers read on it; null until it is calibrated. Centred operations and monitors with scale "calibrated" need it.',
    ),
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
      readings: null,
    },
  });
export type ConceptObject = z.output<typeof ConceptObject>;

/** Without what grows with the fit. */
const ConceptSummary = ConceptObject.omit({
  details: true,
  calibration: true,
  residual_norms: true,
  readings: true,
}).meta({
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

export const RenameRequest = z
  .strictObject({
    ...ModelQuery.shape,
    name: formed(isConceptName, conceptNameExpected).meta({
      description: 'The new name.',
      examples: ['corsair'],
    }),
  })
  .meta({ id: 'RenameRequest', example: { name: 'corsair' } });

export const RestoreRequest = z
  .strictObject({
    ...ModelQuery.shape,
  })
  .meta({ id: 'RestoreRequest', examples: [{}] });

const largestPage = 1000;

export const ConceptPageQuery = ModelQuery.extend({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(largestPage)
    .default(largestPage)
    .meta({ description: 'Concepts of a page.' }),
  after: z.string().optional().meta({
    description:
      'The `next` of the page before: this one begins behind it. Or a name: behind all concepts of that name.',
  }),
});

export type ConceptPageQuery = z.output<typeof ConceptPageQuery>;

export const ConceptList = z
  .object({
    object: z.literal('list'),
    data: z.array(ConceptSummary),
    has_more: z.boolean().meta({ description: 'There is a next page.' }),
    next: z
      .string()
      .nullable()
      .meta({ description: 'What the next page has as `after`; null when there is none.' }),
  })
  .meta({ id: 'ConceptList', description: 'Concepts, sorted by name.' });
export type ConceptList = z.output<typeof ConceptList>;

/** Concepts of one comparison: the pairs grow with the square. */
export const mostCompared = 100;

const namesExpected = `must be 2 to ${mostCompared} names of concepts, joined by commas`;

export const SimilarityQuery = ModelQuery.extend({
  concepts: z
    .string({ error: namesExpected })
    .transform((names) => [...new Set(names.split(','))])
    .refine((names) => names.length >= 2 && names.length <= mostCompared && !names.includes(''), {
      error: namesExpected,
    })
    .optional()
    .meta({
      type: 'string',
      description: `Names, joined by commas, at most ${mostCompared}; a name twice counts once. Default: all of the model's.`,
      examples: ['ocean,pirate'],
    }),
  detail: z
    .enum(['mean', 'layers'])
    .default('mean')
    .meta({ description: '`layers` brings the cosines of every block too.' }),
});
export type SimilarityQuery = z.output<typeof SimilarityQuery>;

const CosineMatrix = z.array(z.array(z.number().min(-1).max(1).nullable()));

export const ConceptSimilarity = z
  .object({
    object: z.literal('concepts.similarity'),
    model: z.string(),
    concepts: z
      .array(z.object({ name: z.string(), version: z.string() }))
      .meta({ description: 'In the order of the rows and columns.' }),
    cosine: CosineMatrix.meta({
      description:
        'Symmetric, to six decimals: of each pair the plain mean of the cosines at the blocks that both steer at strength 1, or without such blocks at those where both have a vector; null without these too.',
    }),
    overlaps: z
      .array(z.object({ concepts: z.tuple([z.string(), z.string()]), cosine: z.number() }))
      .meta({ description: 'The pairs above 0.5 or below -0.5, the closest first.' }),
    layers: z
      .array(z.object({ layer: z.int(), cosine: CosineMatrix }))
      .optional()
      .meta({
        description:
          'With `detail=layers`: the same of each block at which any has a vector; null where one of the two has none.',
      }),
  })
  .meta({
    id: 'ConceptSimilarity',
    description: 'How much concepts of one model point the same way, at strengths of the same sign.',
  });
export type ConceptSimilarity = z.output<typeof ConceptSimilarity>;

const maxTerms = 16;
/** Concepts that can be taken out of another. */
export const mostTakenOut = 100;

const orthogonalizeExpected = `must be "others", "mean_of_others" or a list of 1 to ${mostTakenOut} names of concepts`;

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
    orthogonalize_to: z
      .union(
        [z.enum(['others', 'mean_of_others']), z.array(z.string().min(1).max(200)).min(1).max(mostTakenOut)],
        { error: orthogonalizeExpected },
      )
      .optional()
      .meta({
        description:
          "Takes the shared part out, block by block: the named concepts' directions, those of all the model's other concepts (`others`), or only their mean (`mean_of_others`). Others are neither the terms, nor the concept of the result's name, nor what was composed of concepts that are there themselves. The push of strength 1 is as large as before, and lies where something is left.",
      }),
  })
  .meta({
    id: 'ComposeRequest',
    description:
      'Strength 1 of the result is every term at its weight. Negative weights subtract. Nothing of it is measured: POST .../calibrate does that.',
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
