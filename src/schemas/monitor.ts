/**
 * Monitoring as a request states it and as a reply reports it: how far the residual stream points along concepts,
 * token by token, while the model reads or writes.
 */
import { z } from 'zod';
import { choice, isObject, strictly } from './fields.js';
import { InlineVectorFields } from './inline-vectors.js';
import { nullsLeftOut } from './nulls.js';
import { bringsVectors, conceptField, maxSteeringItems, SteeringLayers } from './steering.js';

const scaleError = { error: 'must be "calibrated", "norm" or "raw"' };
const inlineScaleError = {
  error: 'must be "norm" or "raw": the vectors of a request have no calibration',
};
const detailError = { error: 'must be "mean" or "layers"' };

const itemShape = {
  concept: conceptField,
  layers: SteeringLayers.default('default').meta({
    description: 'As in steering; "default" is every layer with a vector for a concept without calibration.',
  }),
  scale: z.enum(['calibrated', 'norm', 'raw'], scaleError).optional().meta({
    description:
      'Unit of `values`. calibrated (default for a concept whose answers were read): 0 is what neutral answers read on average, 1 what answers of the model read that is told the concept; layers weigh by how well they tell the two apart. norm (default for others whose residual norms are known): share of the mean residual norm that the concept\'s fit saw at the layer (as in steering\'s `scale: "norm"`); what ordinary text reads differs by concept. raw (default for what is left): <h, v> itself.',
  }),
  detail: z.enum(['mean', 'layers'], detailError).default('mean').meta({
    description: 'layers: `layer_values` too, the raw <h, v> of every token at every layer.',
  }),
};

const expected = 'must be the name of a concept or an object with a concept';

const MonitorObject = z.strictObject(itemShape, {
  error: strictly('monitor', Object.keys(itemShape), expected),
});

const inlineShape = {
  ...itemShape,
  ...InlineVectorFields,
  scale: z.enum(['norm', 'raw'], inlineScaleError).default('raw').meta({
    description: 'norm: with `residual_norms`.',
  }),
};

const InlineMonitor = z.strictObject(inlineShape, {
  error: strictly('monitor', Object.keys(inlineShape), expected),
});

export const MonitorItem = choice(
  [conceptField.transform((concept) => MonitorObject.parse({ concept })), MonitorObject, InlineMonitor],
  (value) => (bringsVectors(value) ? 2 : isObject(value) ? 1 : 0),
);
export type MonitorItem = z.output<typeof MonitorObject> | z.output<typeof InlineMonitor>;

export const MonitorList = z
  .array(MonitorItem, { error: 'must be a list of concepts' })
  .max(maxSteeringItems, { error: `must have at most ${maxSteeringItems} items` });

/** To be spread into a completion request's object schema. */
export const MonitorFields = {
  monitor: nullsLeftOut(MonitorList)
    .nullish()
    .meta({
      description:
        'Concepts to read while the model writes, without steering by them: names, or objects with `layers`, `scale`, `detail`; with `vectors` of the request instead of a concept. Answers stay the same to the bit. A concept that steers as well is read before its edit at each layer.',
      examples: [['ocean', { concept: 'sad', layers: { from: 10, to: 20 }, detail: 'layers' }]],
    }),
};

export const MonitorReceipt = z
  .object({
    concept: z.string().nullable().meta({ description: 'For vectors of the request their name, or null.' }),
    version: z.string().meta({ description: "SHA-256 of the concept's content." }),
    scale: z.enum(['calibrated', 'norm', 'raw']),
    layers: z.array(z.int()).meta({ description: 'Blocks whose outputs are read.' }),
  })
  .meta({ id: 'MonitorReceipt', description: 'What was monitored, in the order of `concepts`.' });
export type MonitorReceipt = z.output<typeof MonitorReceipt>;

/** What a reply carries beside its choices. */
export const MonitorReceipts = z
  .array(MonitorReceipt)
  .optional()
  .meta({ description: 'What was monitored; left out when nothing was.' });

export const MonitorReading = z.object({
  concept: z.string().nullable(),
  values: z.array(z.number()).meta({
    description:
      'One per token: 0 for what neutral answers read, 1 for what told ones do (scale "calibrated"), or the mean over the layers of <h, v> / (mean residual norm of the layer) ("norm"), or of <h, v> ("raw"). Taken at the position whose logits made the token: the first is the prompt\'s last position.',
  }),
  layer_values: z
    .array(z.array(z.number()))
    .optional()
    .meta({ description: 'With detail "layers": per token, <h, v> at each of the layers.' }),
});
export type MonitorReading = z.output<typeof MonitorReading>;

const mean = z.number().nullable().meta({
  description: "Mean of the answer's values; null for an answer without tokens.",
});
const tokens = z
  .array(z.object({ id: z.int(), text: z.string() }))
  .meta({ description: 'A character made of several tokens is the text of the last of them.' });

/** In a choice of a reply. */
export const ChoiceMonitor = z
  .object({ tokens, concepts: z.array(MonitorReading.extend({ mean })) })
  .meta({ id: 'ChoiceMonitor', description: "The answer's tokens and what was monitored at each." });
export type ChoiceMonitor = z.output<typeof ChoiceMonitor>;

/** In a chunk: of the tokens since the last one; the mean comes with the finish reason. */
export const ChunkMonitor = z
  .object({ tokens, concepts: z.array(MonitorReading.extend({ mean: mean.optional() })) })
  .meta({
    id: 'ChunkMonitor',
    description:
      'The tokens since the last chunk of this choice, those included whose text is held back or cut, and what was monitored at each; the mean over the answer comes with the finish reason.',
  });
export type ChunkMonitor = z.output<typeof ChunkMonitor>;
