/** The job that a fit is, and what happens in it, in the style of OpenAI's fine-tuning jobs and their events. */
import { z } from 'zod';
import { jobEventFields } from './job-events.js';

const FitStatus = z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']);

const unixSeconds = z.int().meta({ description: 'Unix seconds.' });

/** What a method chose at one layer; methods add fields of their own. */
export const FitLayer = z
  .looseObject({
    layer: z.int(),
    seconds: z.number().meta({ description: 'What the linear algebra of this layer took.' }),
    token: z.int().optional().meta({ description: 'The token read, as an offset from the end.' }),
    r: z.number().optional().meta({ description: "Pearson's r of all projections with the labels." }),
    validation_r: z
      .number()
      .nullish()
      .meta({ description: "|Pearson's r| on the examples held out; null when all project alike." }),
    auroc: z.number().nullish().meta({
      description:
        'Area under the ROC curve of the projections of the examples held out (of all, where none were): 0.5 tells nothing apart. In the job alone.',
    }),
    sign: z.number().optional().meta({ description: '-1 where the method had found the opposite.' }),
    bandwidth: z.number().optional().meta({ description: 'Of the kernel (method rfm).' }),
  })
  .meta({
    id: 'FitLayer',
    description: "One layer's result. All but the seconds and the AUROC is kept with the concept.",
  });
export type FitLayer = z.output<typeof FitLayer>;

const FitProgress = z.object({ stage: z.string(), done: z.int(), total: z.int() });
const FitError = z.object({ code: z.string(), message: z.string() });
const FittedConcept = z.object({ name: z.string(), version: z.string() });

export const FitParams = z.object({ id: z.string().meta({ examples: ['fit-5c1f0a9be2d34c7788aa01f2'] }) });

export const FitWaitQuery = z.object({
  wait: z.enum(['true', 'false']).default('false').meta({
    description:
      'Whether to answer only when the fit has ended, however it ended. A client that leaves stops waiting, not the fit.',
  }),
});

export const FitJob = z
  .object({
    id: z.string().meta({ examples: ['fit-5c1f0a9be2d34c7788aa01f2'] }),
    object: z.literal('fit'),
    status: FitStatus,
    name: z.string(),
    model: z.string(),
    prefix: z.string().meta({ description: 'What states the concept; empty for examples without.' }),
    recipe: z.string().meta({ description: 'auto while several are tried, then the one that was best.' }),
    method: z.string().meta({ description: 'The same.' }),
    created_at: unixSeconds,
    started_at: unixSeconds.nullable(),
    finished_at: unixSeconds.nullable(),
    progress: FitProgress.nullable(),
    error: FitError.nullable(),
    concept: FittedConcept.nullable(),
    warnings: z.array(z.string()).meta({
      description:
        'What the fit left out or doubted, and what its calibration found wanting with what to do instead, in words; shown with the concept too.',
    }),
    layers: z.array(FitLayer).meta({
      description:
        'The layers fitted so far, in their order; where several recipes or methods are tried, those of the best, once it is known.',
    }),
  })
  .meta({ id: 'FitJob', description: 'A job that fits a concept.' });
export type FitJob = z.output<typeof FitJob>;

export const FitList = z.object({
  object: z.literal('list'),
  data: z.array(
    FitJob.omit({ layers: true }).meta({ id: 'FitSummary', description: 'A fit without its layers.' }),
  ),
});
export type FitList = z.output<typeof FitList>;

const eventFields = jobEventFields('fit.event');

export const FitEvent = z
  .discriminatedUnion('type', [
    z.object({
      ...eventFields,
      type: z.literal('status'),
      data: FitJob.pick({ status: true, error: true, concept: true }),
    }),
    z.object({
      ...eventFields,
      type: z.literal('progress'),
      data: z.object({ stage: z.string(), done: z.int(), total: z.int() }),
    }),
    z.object({ ...eventFields, type: z.literal('layer'), data: FitLayer }),
  ])
  .meta({
    id: 'FitEvent',
    description:
      'status: the job is queued, running or at its end. progress: how far a stage is. layer: a layer is fitted.',
  });
export type FitEvent = z.output<typeof FitEvent>;
