/**
 * What answers read on a concept, as HTTP shows it and as a concept's file keeps it: the numbers that centred
 * operations (ablate, clamp, amplify) and monitors in calibrated units stand on.
 */
import { z } from 'zod';

const Distribution = z.strictObject({
  mean: z.array(z.number()).meta({ description: 'Per layer; 0 where the concept has no vector.' }),
  spread: z.array(z.number()).meta({ description: 'Per layer: the standard deviation over the tokens.' }),
});

const ablationTrial = {
  below: z.number().meta({
    description:
      'How far below the neutral mean it holds: a share of the way from there up to what `add` at strength 1 reads. 0 is the neutral mean itself.',
  }),
  prompt_below: z.number().optional().meta({
    description:
      'The same for positions of the prompt, where that is another level. Left out where it is `below` there too.',
  }),
  message_below: z.number().optional().meta({
    description:
      "The same along `message`: a share of the way from the neutral mean up to what the message's own tokens read. Left out where it holds the neutral mean there.",
  }),
  fluency: z.number().meta({ description: 'Of plain answers under full ablation; 1 is unharmed.' }),
};
const removed = z.number().meta({
  description: "Share of the told model's evidence that is gone from its answers under full ablation.",
});

export const ConceptReadings = z
  .strictObject({
    neutral: Distribution.meta({ description: "Of neutral answers' tokens: what nothing of it reads." }),
    told: Distribution.meta({ description: "Of the told model's tokens." }),
    auroc: z.array(z.number()).meta({
      description:
        'Per layer: the chance that a told token reads higher than a neutral one, ties half; 0.5 tells nothing.',
    }),
    best_layer: z.int().meta({ description: 'The layer that tells them apart best.' }),
    told_by: z.enum(['message', 'steering']).meta({
      description:
        'What made the told answers: the message that states the concept, or, without one, steering at strength 1.',
    }),
    tokens: z
      .strictObject({ neutral: z.int(), told: z.int() })
      .meta({ description: 'How many tokens were read.' }),
    clamp: z
      .strictObject({
        layers: z.array(z.int()).meta({
          description: 'Where ablate, clamp and amplify act unless a request says otherwise.',
        }),
        unit: z.array(z.number()).meta({
          description:
            'Per layer: how far beyond what it holds at strength 0 `clamp` holds the projection at strength 1. At strength 0 that is `ablate.level` or, without it, the neutral mean.',
        }),
      })
      .meta({ description: 'The centred operations of this concept.' }),
    ablate: z
      .strictObject({
        level: z.array(z.number()).meta({
          description: 'Per layer: what `ablate` 1 and `clamp` 0 hold the projection at.',
        }),
        prompt_level: z.array(z.number()).optional().meta({
          description: 'The same for positions of the prompt, where that is another level.',
        }),
        ...ablationTrial,
        removed,
        tried: z.array(z.strictObject({ ...ablationTrial, removed: removed.optional() })).meta({
          description:
            'What the levels were chosen from: depths with the fluency that they leave plain answers. Concepts of before have `removed` where it was measured.',
        }),
        message: z
          .strictObject({
            vectors: z.record(z.string(), z.string()).meta({
              description: 'By layer: the base64 of a unit vector of float32 numbers, little-endian.',
            }),
            positions: z.literal('prompt').optional().meta({
              description:
                'Held in the prompt alone, where the message stands, and by `clamp` the less the nearer to strength 1. Left out: at every position.',
            }),
            level: z.array(z.number()).meta({ description: 'Per layer: what `ablate` 1 holds it at.' }),
            unit: z.array(z.number()).meta({
              description:
                'Per layer: how far beyond that `clamp` holds it at strength 1; 0 where it is held in the prompt alone.',
            }),
          })
          .optional()
          .meta({
            description:
              "Directions that ablate and clamp hold beside the concept's own: what the tokens of its message differ in from those of other messages.",
          }),
      })
      .optional()
      .meta({
        description:
          'What full ablation was measured to do, at the layers of `clamp`. Without it `ablate` holds the neutral mean and nobody measured what that takes out.',
      }),
  })
  .meta({
    id: 'ConceptReadings',
    description:
      "Per layer the projections <h, v> of answers' tokens, each at the position whose logits chose the token, without any edit.",
  });
export type ConceptReadings = z.output<typeof ConceptReadings>;
