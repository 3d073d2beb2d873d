/**
 * The queue of imports: of a server one runs at a time, the others wait. A job that fails or is cancelled leaves nothing.
 */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { inSteps } from '../../common/in-steps.js';
import type { Task } from '../../common/job-task.js';
import { newId, unixSeconds } from '../../common/stamps.js';
import { errors } from '../../errors.js';
import type { OpenQueue } from '../../jobs/jobs.js';
import { localQueue } from '../../jobs/local-jobs.js';
import { QueuedJobs } from '../../jobs/queued-jobs.js';
import type { ImportEvent, ImportJob, ImportRequest } from '../../schemas/imports.js';
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
  /** Hears of each job that ended here. */
  readonly onFinished?: (job: ImportJob) => void;
  /** Where jobs are kept and who works on them: this process alone, and for as long as it lives, without. */
  readonly openQueue?: OpenQueue;
}

const maxQueued = 16;
const retryAfterSeconds = 60;

type ImportTask = Task<ImportJob, ImportRequest, ImportEventLog>;

export class ImportJobs extends QueuedJobs<ImportJob, ImportRequest, ImportEvent> {
  constructor(options: ImportJobsOptions) {
    const { log, openQueue = localQueue } = options;
    super(
      openQueue<ImportJob, ImportRequest, ImportEvent, ImportEventLog>({
        kind: 'import',
        maxQueued,
        retryAfterSeconds,
        maxFinished: options.maxFinished,
        afresh: { progress: null },
        newEvents: (kept) => new ImportEventLog(kept),
        work: (task) => run(task, options),
        notFound: errors.importNotFound,
        finished: errors.importFinished,
        onUnexpected: ({ id }, err) => log?.error({ import: id, err }, 'import failed unexpectedly'),
        onFinished: (job) => {
          const { id, status, path, name, error } = job;
          log?.info({ import: id, status, path, model: name, error }, 'import finished');
          options.onFinished?.(job);
        },
      }),
    );
  }

  /**
   * Queues an import. Asking for what is being imported already gives that job.
   * @throws SteerdError invalid_value, pull_running (the name is being given to another model), queue_full
   */
  async create(request: ImportRequest): Promise<ImportJob> {
    if (this.queue.closed) throw errors.stopping();
    const name = importName(request.path, request.name);
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
    const same = await this.queue.add(job, request, { key: name });
    if (same.added || (same.job.path === request.path && same.job.precision === request.precision))
      return same.job;
    throw errors.pullRunning(name, `job ${same.job.id} (${same.job.path})`);
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
