/** The events of a fit, in the style of OpenAI's fine-tuning events (API reference, "List fine-tuning events"). */
import { z } from 'zod';
import { FitJob, FitLayer } from './fits.js';

const common = {
  object: z.literal('fit.event'),
  id: z.string().meta({ description: 'Counts up within a job; also the id of the server-sent event.' }),
  created_at: z.int().meta({ description: 'Unix seconds.' }),
  level: z.enum(['info', 'error']),
  message: z.string(),
};

export const FitEvent = z
  .discriminatedUnion('type', [
    z.object({
      ...common,
      type: z.literal('status'),
      data: FitJob.pick({ status: true, error: true, concept: true }),
    }),
    z.object({
      ...common,
      type: z.literal('progress'),
      data: z.object({ stage: z.string(), done: z.int(), total: z.int() }),
    }),
    z.object({ ...common, type: z.literal('layer'), data: FitLayer }),
  ])
  .meta({
    id: 'FitEvent',
    description:
      'status: the job is queued, running or at its end. progress: how far a stage is. layer: a layer is fitted.',
  });
export type FitEvent = z.output<typeof FitEvent>;
