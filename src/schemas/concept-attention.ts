/** `GET /v1/concepts/{name}/attention`: where each layer attended to the concept while it was fitted. */
import { z } from 'zod';

export const ConceptAttention = z
  .object({
    object: z.literal('concept.attention'),
    concept: z.string(),
    model: z.string(),
    version: z.string().meta({ description: "SHA-256 of the concept's content." }),
    candidates: z
      .array(
        z.object({
          offset: z.int().meta({ description: "From the prompt's end: -1 is its last token." }),
          id: z.int(),
          text: z.string(),
        }),
      )
      .meta({ description: 'The N tokens that every prompt of the fit ends with.' }),
    map: z.array(z.array(z.number())).meta({
      description:
        '[layers][N]: attention from the candidate to the prefix, mean over heads, the most that any selection prompt has.',
    }),
    chosen: z.array(z.int()).meta({
      description:
        'Per layer: index of the candidate that the layer was read at, the one with the most attention.',
    }),
    significant_heads: z.array(z.number().nullable()).meta({
      description:
        'Per layer: share of the heads that attend to the prefix significantly (p < 0.01); null where it was not fitted.',
    }),
  })
  .meta({
    id: 'ConceptAttention',
    examples: [
      {
        object: 'concept.attention',
        concept: 'fear of spiders',
        model: 'smollm2-135m-instruct',
        version: 'fe8c77488e6a1a7ab9fdf2eafb4626c148934224d8bdf43159e4f6e360163846',
        candidates: [
          { offset: -2, id: 520, text: 'assistant' },
          { offset: -1, id: 198, text: '\n' },
        ],
        map: [
          [0.01, 0.02],
          [0.12, 0.07],
        ],
        chosen: [1, 0],
        significant_heads: [null, 0.67],
      },
    ],
  });
export type ConceptAttention = z.output<typeof ConceptAttention>;
