/** Vectors that a request brings itself, in the form that a concept's exported JSON has them. */
import { z } from 'zod';
import { conceptLimits } from '../common/concept-limits.js';
import { list } from './fields.js';

const { layers, hiddenSize } = conceptLimits;
const rowExpected = 'must be the base64 of little-endian float32 numbers, or a list of numbers';
const rowsExpected = `must be an object of 1 to ${layers} vectors by block number`;
const nameExpected = `must be a text of 1 to ${conceptLimits.name} characters`;
const normsExpected = `must be a list of at most ${layers} numbers`;

/** Characters of the longest row in base64. */
const longestRow = Math.ceil((4 * hiddenSize) / 3) * 4;

const Row = z.union([z.string().max(longestRow), list(z.number(), { max: hiddenSize })], {
  error: rowExpected,
});

/** Instead of `concept`, to be spread into an item's strict shape. */
export const InlineVectorFields = {
  concept: z.null({ error: 'must be left out with vectors: they are called by name, if at all' }).optional(),
  vectors: z
    .unknown()
    .refine(
      (rows) => {
        if (typeof rows !== 'object' || rows === null || Array.isArray(rows)) return false;
        const count = Object.keys(rows).length;
        return count >= 1 && count <= layers;
      },
      { error: rowsExpected, abort: true },
    )
    .pipe(z.record(z.string(), Row, { error: rowsExpected }))
    .meta({
      type: 'object',
      minProperties: 1,
      maxProperties: layers,
      additionalProperties: {
        anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'number' }, maxItems: hiddenSize }],
      },
      description:
        'Block number to direction: the base64 of its float32 numbers, little-endian, or the numbers. Of any length: they become unit vectors.',
    }),
  residual_norms: z
    .array(z.number({ error: normsExpected }).min(0, { error: normsExpected }), { error: normsExpected })
    .max(layers, { error: normsExpected })
    .optional()
    .meta({ description: 'Per block of the model: the unit of scale "norm".' }),
  name: z
    .string({ error: nameExpected })
    .min(1, { error: nameExpected })
    .max(conceptLimits.name, { error: nameExpected })
    .optional()
    .meta({ description: 'How the receipt calls them.' }),
};

/** What a request says of its own vectors. */
export interface InlineVectors {
  readonly vectors: Readonly<Record<string, string | readonly number[]>>;
  readonly residual_norms?: readonly number[] | undefined;
  readonly name?: string | undefined;
}
