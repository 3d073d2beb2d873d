/** Calibrations and sweeps as jobs, in the style of fits: asked for, followed, and read when they are done. */
import { z } from 'zod';
import { jobEventFields } from './job-events.js';
import { Sweep } from './measurements.js';

const unixSeconds = z.int().meta({ description: 'Unix seconds.' });
const Progress = z.object({ stage: z.string(), done: z.int(), total: z.int() });

const jobFields = {
  status: z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']),
  model: z.string(),
  created_at: unixSeconds,
  started_at: unixSeconds.nullable(),
  finished_at: unixSeconds.nullable(),
  progress: Progress.nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
};

/** Whether to answer only at the end of a job. */
export const JobWaitQuery = z.object({
  wait: z.enum(['true', 'false']).default('false').meta({
    description:
      'Whether to answer only when the job has ended, however it ended. A client that leaves stops waiting, not the job.',
  }),
});

export const CalibrationJob = z
  .object({
    id: z.string().meta({ examples: ['calibration-5c1f0a9be2d34c7788aa01f2'] }),
    object: z.literal('calibration'),
    name: z.string().meta({ description: 'The concept.' }),
    ...jobFields,
    concept: z.object({ name: z.string(), version: z.string() }).nullable(),
    warnings: z
      .array(z.string())
      .meta({ description: 'What was found wanting, in words; shown with the concept too.' }),
  })
  .meta({ id: 'CalibrationJob', description: 'A job that measures what strength 1 of a concept means.' });
export type CalibrationJob = z.output<typeof CalibrationJob>;

export const CalibrationList = z.object({ object: z.literal('list'), data: z.array(CalibrationJob) });
export const CalibrationParams = z.object({
  id: z.string().meta({ examples: ['calibration-5c1f0a9be2d34c7788aa01f2'] }),
});

export const SweepJob = z
  .object({
    id: z.string().meta({ examples: ['sweep-5c1f0a9be2d34c7788aa01f2'] }),
    object: z.literal('sweep'),
    ...jobFields,
    answers: z.int().meta({ description: 'Prompts times concepts times strengths.' }),
    result: Sweep.nullable().meta({ description: 'null until it has succeeded.' }),
  })
  .meta({ id: 'SweepJob', description: 'A job that answers and measures every combination of a sweep.' });
export type SweepJob = z.output<typeof SweepJob>;

export const SweepList = z.object({
  object: z.literal('list'),
  data: z.array(
    SweepJob.omit({ result: true }).meta({ id: 'SweepSummary', description: 'A sweep without its answers.' }),
  ),
});
export const SweepParams = z.object({
  id: z.string().meta({ examples: ['sweep-5c1f0a9be2d34c7788aa01f2'] }),
});

const eventsFor = <Kind extends string, Data extends z.ZodType>(object: Kind, status: Data) =>
  z.discriminatedUnion('type', [
    z.object({ ...jobEventFields(object), type: z.literal('status'), data: status }),
    z.object({ ...jobEventFields(object), type: z.literal('progress'), data: Progress }),
  ]);

const described = 'status: the job is queued, running or at its end. progress: how far a stage is.';

export const CalibrationEvent = eventsFor(
  'calibration.event',
  CalibrationJob.pick({ status: true, error: true, concept: true }),
).meta({ id: 'CalibrationEvent', description: described });
export type CalibrationEvent = z.output<typeof CalibrationEvent>;

export const SweepEvent = eventsFor('sweep.event', SweepJob.pick({ status: true, error: true })).meta({
  id: 'SweepEvent',
  description: described,
});
export type SweepEvent = z.output<typeof SweepEvent>;
