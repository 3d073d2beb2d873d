/**
 * The queue of imports: one runs at a time, the others wait. A job that fails or is cancelled leaves nothing.
 */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { inSteps } from '../../common/in-steps.js';
import { JobQueue, type Task } from '../../common/job-queue.js';
import { newId, unixSeconds } from '../../common/stamps.js';
import { errors } from '../../errors.js';
import type { ImportJob, ImportRequest } from '../../schemas/imports.js';
import type { Builder } from './builder.js';
import { importModel, importName } from './import.js';
import { ImportEventLog } from './import-events.js';

interface ImportJobsOptions {
  readonly builder: Builder;
  /** Where checkpoints may lie; models are made in the first. */
  readonly places: readonly string[];
  readonly log?: {
    info(details: object, message: string): void;
    error(details: object, message: string): void;
  };
  /** Finished jobs remembered; the oldest are forgotten first. */
  readonly maxFinished?: number;
}

const maxQueued = 16;
const retryAfterSeconds = 60;

type ImportTask = Task<ImportJob, ImportRequest, ImportEventLog>;

export class ImportJobs extends JobQueue<ImportJob, ImportRequest, ImportEventLog> {
  constructor(options: ImportJobsOptions) {
    const { log } = options;
    super({
      maxQueued,
      retryAfterSeconds,
      maxFinished: options.maxFinished,
      work: (task) => run(task, options),
      notFound: errors.importNotFound,
      finished: errors.importFinished,
      onUnexpected: ({ id }, err) => log?.error({ import: id, err }, 'import failed unexpectedly'),
      onFinished: ({ id, status, path, name, error }) =>
        log?.info({ import: id, status, path, model: name, error }, 'import finished'),
    });
  }

  /**
   * Queues an import. Asking for what is being imported already gives that job.
   * @throws SteerdError invalid_value, pull_running (the name is being given to another model), queue_full
   */
  create(request: ImportRequest): ImportJob {
    if (this.closed) throw errors.stopping();
    const name = importName(request.path, request.name);
    const same = this.unfinished.find(({ job }) => job.name === name);
    if (same !== undefined) {
      if (same.job.path === request.path && same.job.precision === request.precision) return same.job;
      throw errors.pullRunning(name, `job ${same.job.id} (${same.job.path})`);
    }
    const job: ImportJob = {
      id: newId('import'),
      object: 'model.import',
      status: 'queued',
      path: request.path,
      name,
      precision: request.precision,
      architecture: null,
      created_at: unixSeconds(),
      started_at: null,
      finished_at: null,
      progress: null,
      error: null,
    };
    return this.add(job, request, new ImportEventLog()).job;
  }
}

async function run(task: ImportTask, { builder, places }: ImportJobsOptions): Promise<Partial<ImportJob>> {
  const { request, events, signal } = task;
  const [modelsDirectory = '.'] = places;
  await importModel(
    { path: await found(places, request.path), precision: request.precision, name: task.job.name },
    {
      ...{ builder, modelsDirectory, signal },
      onPlan: (plan) => {
        task.update({ architecture: plan.architecture });
        events.plan(plan);
      },
      onProgress: inSteps((progress) => {
        task.update({ progress });
        events.progress(progress);
      }),
    },
  );
  return {};
}

/** The first directory that has it; what none has is looked for, and missed, in the first. */
async function found(places: readonly string[], path: string): Promise<string> {
  for (const place of places) {
    const here = await access(join(place, path)).then(
      () => true,
      () => false,
    );
    if (here) return join(place, path);
  }
  throw errors.checkpointInvalid(path, 'there is no such file or folder in a models directory');
}
