/** Imports: jobs that build models from checkpoints on the server's disk, in the style of the pulls. */
import { z } from 'zod';
import { isModelName, modelNameExpected } from '../common/names.js';
import { isSafePath } from '../hub/file-path.js';
import { formed, strictly } from './fields.js';
import { jobEventFields } from './job-events.js';

/** The precisions that a graph is built in. */
export const precisions = ['int8', 'int4', 'fp16', 'fp32'] as const;
export type Precision = (typeof precisions)[number];

const precision = z.enum(precisions).meta({
  description:
    'int8 costs next to nothing; int4 is half as large, and worse; fp16 and fp32 are exact and slow.',
});

const importFields = {
  path: formed(isSafePath, 'a path under a models directory, without "." and ".." and hidden folders').meta({
    description:
      'A GGUF file, or a folder with config.json and safetensors, by its path under a models directory of the server.',
    examples: ['checkpoints/model.gguf'],
  }),
  precision: precision.default('int8'),
  name: formed(isModelName, modelNameExpected).optional().meta({
    description: "Id that requests call it by, and its folder; the checkpoint's own name when left out.",
  }),
};

export const ImportRequest = z
  .strictObject(importFields, {
    error: strictly('the request body', Object.keys(importFields), 'must be an object'),
  })
  .meta({ id: 'ImportRequest', example: { path: 'checkpoints/model.gguf', precision: 'int8' } });
export type ImportRequest = z.output<typeof ImportRequest>;

const uploadFields = {
  name: importFields.name.meta({
    description:
      'Id that requests call it by, and its folder. Of a form with a .gguf file that file’s name when left out.',
  }),
  precision: precision.optional().meta({ description: 'int8 when left out.' }),
};

/** What is said of an upload beside its files: in the query, and in fields of a form, which count more. */
export const UploadFields = z.strictObject(uploadFields, {
  error: strictly('an upload', Object.keys(uploadFields), 'must be an object'),
});
export type UploadFields = z.output<typeof UploadFields>;

/** A query may have more, as everywhere. */
export const UploadQuery = z.object(uploadFields);

export const ImportJob = z
  .object({
    id: z.string(),
    object: z.literal('model.import'),
    status: z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']),
    path: z.string().meta({ description: 'As it was asked for; of an upload, the name of its file.' }),
    uploaded: z.boolean().optional().meta({ description: 'True for a checkpoint that came over HTTP.' }),
    name: z.string().meta({ description: 'Id of the model once it is here.' }),
    precision: z.enum(precisions),
    architecture: z.string().nullable().meta({ description: 'Known when the checkpoint has been opened.' }),
    created_at: z.int(),
    started_at: z.int().nullable(),
    finished_at: z.int().nullable(),
    progress: z
      .object({
        stage: z.enum(['build', 'check']),
        done: z.int().meta({ description: 'Bytes of the stage that are done.' }),
        total: z.int(),
      })
      .nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({
    id: 'ImportJob',
    examples: [
      {
        id: 'import-5c1f0a9be2d34c7788aa01f2',
        object: 'model.import',
        status: 'running',
        path: 'checkpoints/model.gguf',
        name: 'model',
        precision: 'int8',
        architecture: 'llama',
        created_at: 1767225600,
        started_at: 1767225600,
        finished_at: null,
        progress: { stage: 'build', done: 104857600, total: 919096000 },
        error: null,
      },
    ],
  });
export type ImportJob = z.output<typeof ImportJob>;

export const ImportList = z
  .object({ object: z.literal('list'), data: z.array(ImportJob) })
  .meta({ id: 'ImportList' });

export const ImportParams = z.object({
  id: z.string().meta({ examples: ['import-5c1f0a9be2d34c7788aa01f2'] }),
});

const eventFields = jobEventFields('model.import.event');

export const ImportEvent = z
  .discriminatedUnion('type', [
    z.object({
      ...eventFields,
      type: z.literal('status'),
      data: ImportJob.pick({ status: true, error: true }),
    }),
    z.object({
      ...eventFields,
      type: z.literal('plan'),
      data: z.object({
        architecture: z.string(),
        format: z.enum(['safetensors', 'gguf']),
        precision: z.enum(precisions),
        from: z.int().meta({ description: "Bytes of the checkpoint's weights." }),
        to: z.int().meta({ description: 'Bytes that the model will have, about.' }),
      }),
    }),
    z.object({ ...eventFields, type: z.literal('progress'), data: ImportJob.shape.progress.unwrap() }),
  ])
  .meta({
    id: 'ImportEvent',
    description:
      'status: the job is queued, running or at its end. plan: what the checkpoint is, and what becomes of it. progress: bytes that are done.',
  });
export type ImportEvent = z.output<typeof ImportEvent>;
