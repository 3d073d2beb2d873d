/** Pulls: jobs that bring models from a hub, in the style of the fits. */
import { z } from 'zod';
import { isModelName, modelNameExpected } from '../common/names.js';
import { quantizationNames, quantizations, toQuantization } from '../hub/file-choice.js';
import { isSafePath } from '../hub/file-path.js';
import {
  defaultRevision,
  isRepository,
  isRevision,
  repositoryExpected,
  revisionExpected,
} from '../hub/repository.js';
import { formed, strictly } from './fields.js';
import { precisions } from './imports.js';
import { jobEventFields } from './job-events.js';

const pullFields = {
  model: formed(isRepository, repositoryExpected).meta({
    description: 'Id of the model on the hub that the server is set to (HF_ENDPOINT).',
    examples: ['onnx-community/Qwen3-0.6B-ONNX'],
  }),
  revision: formed(isRevision, revisionExpected)
    .default(defaultRevision)
    .meta({ description: 'A branch, a tag or a commit.' }),
  quantization: z
    .enum(quantizationNames)
    .transform((name) => toQuantization(name))
    .optional()
    .meta({ description: 'Which of several graphs to take; the best for the CPU when left out.' }),
  file: formed(
    (path) => isSafePath(path) && /\.(onnx|gguf)$/.test(path),
    'the path of an .onnx or .gguf file in the repository',
  )
    .optional()
    .meta({
      description: 'The graph to take, or the GGUF file to build from, by its path.',
      examples: ['onnx/model_q4.onnx'],
    }),
  precision: z.enum(precisions).optional().meta({
    description:
      'Builds the graph from safetensors or GGUF in this precision, whatever exports there are. Without it that is done, in int8, where there is no export that can be served.',
  }),
  name: formed(isModelName, modelNameExpected).optional().meta({
    description: "Id that requests call it by, and its folder; the repository's own name when left out.",
  }),
};

export const PullRequest = z
  .strictObject(pullFields, {
    error: strictly('the request body', Object.keys(pullFields), 'must be an object'),
  })
  .meta({ id: 'PullRequest', example: { model: 'onnx-community/Qwen3-0.6B-ONNX', quantization: 'q4' } });
export type PullRequest = z.output<typeof PullRequest>;

export const PullJob = z
  .object({
    id: z.string(),
    object: z.literal('model.pull'),
    status: z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']),
    model: z.string(),
    revision: z.string(),
    name: z.string().meta({ description: 'Id of the model once it is here.' }),
    commit: z.string().nullable().meta({ description: 'Known when the hub has answered.' }),
    file: z.string().nullable().meta({ description: 'The graph that is taken; null when it is built.' }),
    quantization: z.enum(quantizations).nullable(),
    precision: z.enum(precisions).nullable().meta({ description: 'Of a graph that is built.' }),
    created_at: z.int(),
    started_at: z.int().nullable(),
    finished_at: z.int().nullable(),
    progress: z
      .object({
        stage: z.string(),
        done: z.int().meta({ description: 'Bytes that are here.' }),
        total: z.int().meta({ description: 'Bytes of all files, as far as they are known.' }),
      })
      .nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({
    id: 'PullJob',
    examples: [
      {
        id: 'pull-5c1f0a9be2d34c7788aa01f2',
        object: 'model.pull',
        status: 'running',
        model: 'onnx-community/Qwen3-0.6B-ONNX',
        revision: 'main',
        name: 'Qwen3-0.6B-ONNX',
        commit: '7a1c6d4be2f0934c7788aa01f25c1f0a9be2d34c',
        file: 'onnx/model_q4.onnx',
        quantization: 'q4',
        precision: null,
        created_at: 1767225600,
        started_at: 1767225600,
        finished_at: null,
        progress: { stage: 'download', done: 104857600, total: 919096000 },
        error: null,
      },
    ],
  });
export type PullJob = z.output<typeof PullJob>;

export const PullList = z
  .object({ object: z.literal('list'), data: z.array(PullJob) })
  .meta({ id: 'PullList' });

export const PullParams = z.object({
  id: z.string().meta({ examples: ['pull-5c1f0a9be2d34c7788aa01f2'] }),
});

const eventFields = jobEventFields('model.pull.event');

export const PullEvent = z
  .discriminatedUnion('type', [
    z.object({
      ...eventFields,
      type: z.literal('status'),
      data: PullJob.pick({ status: true, error: true }),
    }),
    z.object({
      ...eventFields,
      type: z.literal('choice'),
      data: PullJob.pick({ commit: true, file: true, quantization: true, precision: true }).extend({
        others: z.array(z.string()).meta({ description: 'Graphs that were passed over.' }),
      }),
    }),
    z.object({ ...eventFields, type: z.literal('progress'), data: PullJob.shape.progress.unwrap() }),
  ])
  .meta({
    id: 'PullEvent',
    description:
      'status: the job is queued, running or at its end. choice: which graph is taken. progress: bytes that are here.',
  });
export type PullEvent = z.output<typeof PullEvent>;
