/** Steering as a reply reports it: what was done to the activations, item by item. */
import { z } from 'zod';
import { SteeringOperation, type SteeringPositions, SteeringScale } from './steering.js';

export const SteeringReceipt = z
  .object({
    concept: z.string().nullable().meta({
      description: 'For vectors of the request the name they were given, or null.',
    }),
    version: z.string().meta({ description: "SHA-256 of the concept's content, or of the vectors'." }),
    model: z.string().optional(),
    strength: z.number(),
    scale: z.enum(SteeringScale.options),
    operation: z.enum(SteeringOperation.options),
    layers: z.array(z.int()).meta({ description: 'Blocks edited; empty when nothing is changed.' }),
    coefficients: z.array(z.number()).optional().meta({
      description:
        'With `receipt: "full"`, per listed layer: for add the coefficient on the unit vector, for clamp the projection held, for ablate and amplify the coefficient on the distance from `ablated.level` and from where neutral answers lie (from 0 with scale raw or norm).',
    }),
    neutral: z.array(z.number()).optional().meta({
      description:
        'With `receipt: "full"`, for ablate, clamp and amplify in calibrated units, per listed layer: the projection of neutral answers.',
    }),
    ablated: z
      .object({
        level: z.array(z.number()).optional().meta({
          description:
            'With `receipt: "full"`: what it moves projections to, per listed layer; in the answer, where `in_prompt` says otherwise of the prompt.',
        }),
        removed: z.number().optional(),
        fluency: z.number().optional(),
      })
      .optional()
      .meta({
        description:
          'With ablate in calibrated units: `level`, to which strength 1 moves projections all of the way, and what calibration measured of full ablation: the share of the told evidence that goes, and the fluency of plain answers, between two depths that were tried by the line through both.',
      }),
    in_prompt: z.array(z.number()).optional().meta({
      description:
        'With `receipt: "full"`, for ablate and clamp in calibrated units of a concept that holds the prompt at a level of its own, per listed layer: what projections of the prompt move to. `ablated.level` and `coefficients` are of the answer then, and of the prompt where `positions` name that alone.',
    }),
    positions: z.unknown().meta({ description: 'As asked.' }),
    applied: z.boolean().meta({
      description:
        'Whether anything is changed: false for a strength that changes nothing and for positions that do not come.',
    }),
    calibrated: z.boolean().meta({
      description:
        'Whether what was done is what was measured: this operation, alone, at its default layers and all positions.',
    }),
    calibrated_why: z.string().optional().meta({ description: 'Why not, when not.' }),
    notes: z.array(z.string()).optional().meta({ description: 'What of it was not done, and why.' }),
    overlaps: z
      .array(z.object({ concept: z.string().nullable(), cosine: z.number() }))
      .optional()
      .meta({
        description:
          'Other items of the request at whose positions and blocks this one acts too and whose direction is much the same, |cosine| above 0.5 in the mean over those blocks, the closest first. Left out when there is none.',
      }),
    orthogonalized: z
      .object({
        to: z.array(z.string().nullable()),
        taken_out: z.number().min(0).max(1),
      })
      .optional()
      .meta({
        description:
          "With `orthogonalize`: the items before it whose directions were taken out, and how much of this one's lay in their span: the length of that part, mean over the blocks.",
      }),
    budget: z
      .object({
        asked: z.number().nullable(),
        allowed: z.number().nullable(),
        factor: z.number().min(0).max(1),
      })
      .optional()
      .meta({
        description:
          "The joint budget of all items that have one: the share of the residual stream's norm that they would add together, what they may, and the factor that `coefficients` have in them, 1 where they keep to it. Shares are null where a concept does not know the norm; then lengths were compared.",
      }),
  })
  .meta({ description: 'What was done to the activations.' });
export type SteeringReceipt = Omit<z.output<typeof SteeringReceipt>, 'positions'> & {
  positions: SteeringPositions;
};
/** As it is worked out, before a reply leaves numbers out. */
export type FullReceipt = SteeringReceipt & { coefficients: number[] };
