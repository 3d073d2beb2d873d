/** The versions that a concept's name has had, how two of them differ, and going back to one. */
import { z } from 'zod';
import { ModelQuery } from './models.js';

const versionExpected = 'must be the first 8 to 64 digits of a version in hexadecimal';
const versionField = z
  .string({ error: versionExpected })
  .regex(/^[0-9a-f]{8,64}$/, { error: versionExpected });

const ConceptVersionObject = z
  .object({
    number: z
      .int()
      .meta({ description: 'Counts the changes of the name from 1; 0 for what ships with the model.' }),
    version: z
      .string()
      .meta({ description: 'SHA-256 (hex) of the content; `concept@version` pins it in a request.' }),
    created: z.int().meta({ description: 'Unix seconds when the name came to mean it.' }),
    source: z.enum(['shipped', 'data']),
    current: z.boolean().meta({ description: 'Whether the name means it now.' }),
  })
  .meta({ id: 'ConceptVersion' });

export const ConceptVersionList = z
  .object({
    object: z.literal('list'),
    name: z.string(),
    model: z.string(),
    data: z
      .array(ConceptVersionObject)
      .meta({ description: 'Newest first; of a name the last 20 are kept.' }),
  })
  .meta({ id: 'ConceptVersionList' });
export type ConceptVersionList = z.output<typeof ConceptVersionList>;

/** Changes that one answer tells. */
export const mostChanges = 1000;

export const DiffQuery = ModelQuery.extend({
  from: versionField.optional().meta({
    description: 'Its first 8 digits or more. Default: the version before `to`.',
    examples: ['1f0a6c3b'],
  }),
  to: versionField.optional().meta({ description: 'Default: what the name means now.' }),
});
export type DiffQuery = z.output<typeof DiffQuery>;

export const ConceptDiff = z
  .object({
    object: z.literal('concept.diff'),
    name: z.string(),
    model: z.string(),
    from: z.string(),
    to: z.string(),
    changes: z
      .array(
        z.object({
          path: z.string().meta({ examples: ['record.details.layers[3].r'] }),
          from: z.unknown().optional().meta({ description: 'Left out where there is none.' }),
          to: z.unknown().optional().meta({ description: 'Left out where there is none.' }),
        }),
      )
      .meta({
        description: `Of the record, the calibration and the readings, at most ${mostChanges}, by their paths.`,
      }),
    complete: z.boolean().meta({ description: 'False when there are more changes than that.' }),
    cosine: z.number().nullable().meta({
      description:
        'How much both point the same way, as in similarity; null where they have no block in common.',
    }),
  })
  .meta({ id: 'ConceptDiff' });
export type ConceptDiff = z.output<typeof ConceptDiff>;

export const RollbackRequest = z
  .strictObject({
    ...ModelQuery.shape,
    version: versionField.meta({ description: 'Of which the name becomes a new version.' }),
  })
  .meta({ id: 'RollbackRequest', examples: [{ version: '1f0a6c3b' }] });
export type RollbackRequest = z.output<typeof RollbackRequest>;
