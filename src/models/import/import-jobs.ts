/**
 * The queue of imports: of a server one runs at a time, the others wait. A job that fails or is cancelled leaves nothing.
 */
import { access } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { inSteps } from '../../common/in-steps.js';
import type { Task } from '../../common/job-task.js';
import { newId, unixSeconds } from '../../common/stamps.js';
import { errors, SteerdError } from '../../errors.js';
import type { OpenQueue } from '../../jobs/jobs.js';
import { localQueue } from '../../jobs/local-jobs.js';
import { QueuedJobs } from '../../jobs/queued-jobs.js';
import type { ImportEvent, ImportJob, ImportRequest } from '../../schemas/imports.js';
import type { Builder } from './builder.js';
import { importModel, importName } from './import.js';
import { ImportEventLog } from './import-events.js';
import { removeUpload, type UploadHead, type UploadSettings, Uploads } from './uploads.js';

interface ImportJobsOptions {
  readonly builder: Builder;
  /** Where checkpoints may lie; models are made in the first. */
  readonly places: readonly string[];
  /** Bounds of checkpoints that come over HTTP; none are taken without. */
  readonly uploads?: UploadSettings;
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

/** As a job keeps it. */
interface Wanted extends ImportRequest {
  /** Whether it came over HTTP, and is nobody's any more when the job is over. */
  readonly uploaded?: boolean;
}

type ImportTask = Task<ImportJob, Wanted, ImportEventLog>;

export class ImportJobs extends QueuedJobs<ImportJob, Wanted, ImportEvent> {
  readonly #uploads: Uploads | null;

  constructor(options: ImportJobsOptions) {
    const { log, openQueue = localQueue, places, uploads: bounds } = options;
    super(
      openQueue<ImportJob, Wanted, ImportEvent, ImportEventLog>({
        kind: 'import',
        maxQueued,
        retryAfterSeconds,
        maxFinished: options.maxFinished,
        afresh: { progress: null },
        newEvents: (kept) => new ImportEventLog(kept),
        work: (task) =>
          run(task, options)
            .catch((error: unknown) => {
              throw task.request.uploaded
                ? asSent(error, join(ownPlaceOf(places), task.request.path))
                : error;
            })
            .finally(() => drop(task, places)),
        notFound: errors.importNotFound,
        finished: errors.importFinished,
        onUnexpected: ({ id }, err) => log?.error({ import: id, err }, 'import failed unexpectedly'),
        onFinished: (job) => {
          const { id, status, path, name, error } = job;
          // One that was cancelled while it waited.
          if (job.uploaded) void removeUpload(ownPlaceOf(places), id).catch(() => {});
          log?.info({ import: id, status, path, model: name, error }, 'import finished');
          options.onFinished?.(job);
        },
      }),
    );
    const needed = async () =>
      (await this.list()).flatMap(({ id, finished_at }) => (finished_at === null ? [id] : []));
    this.#uploads = bounds === undefined ? null : new Uploads(ownPlaceOf(places), bounds, needed);
    void this.#uploads?.sweep().catch((err) => log?.error({ err }, 'leftovers of uploads not removed'));
  }

  /**
   * Queues an import. Asking for what is being imported already gives that job.
   * @throws SteerdError invalid_value, pull_running (the name is being given to another model), queue_full
   */
  async create(request: ImportRequest): Promise<ImportJob> {
    if (this.queue.closed) throw errors.stopping();
    const name = importName(request.path, request.name);
    const job = newJob(newId('import'), request.path, name, request.precision);
    const same = await this.queue.add(job, request, { key: name });
    if (same.added || (same.job.path === request.path && same.job.precision === request.precision))
      return same.job;
    throw errors.pullRunning(name, `job ${same.job.id} (${same.job.path})`);
  }

  /**
   * Takes a checkpoint's files and queues its import, when all of them are there.
   * @param body a GGUF file, or a form with files
   * @throws SteerdError uploads_off, queue_full, pull_running, and what `Uploads.receive` throws
   */
  async upload(body: Readable, head: UploadHead): Promise<ImportJob> {
    if (this.queue.closed) throw errors.stopping();
    if (this.#uploads === null) throw errors.uploadsOff();
    // Not when gigabytes have come.
    if ((await this.counts()).waiting >= maxQueued) throw errors.queueFull(maxQueued, retryAfterSeconds);
    const id = newId('import');
    const { path, file, name, precision } = await this.#uploads.receive(id, body, head);
    const job = { ...newJob(id, file, name, precision), uploaded: true };
    try {
      const same = await this.queue.add(job, { path, name, precision, uploaded: true }, { key: name });
      if (same.added) return same.job;
      throw errors.pullRunning(name, `job ${same.job.id} (${same.job.path})`);
    } catch (error) {
      await this.#uploads.remove(id);
      throw error;
    }
  }

  override async close(): Promise<void> {
    this.#uploads?.close();
    await super.close();
  }
}

const ownPlaceOf = ([own = '.']: readonly string[]): string => own;

const newJob = (id: string, path: string, name: string, precision: ImportJob['precision']): ImportJob => ({
  id,
  object: 'model.import',
  status: 'queued',
  path,
  name,
  precision,
  architecture: null,
  created_at: unixSeconds(),
  started_at: null,
  finished_at: null,
  progress: null,
  error: null,
});

async function run(task: ImportTask, { builder, places }: ImportJobsOptions): Promise<Partial<ImportJob>> {
  const { request, events, signal } = task;
  const modelsDirectory = ownPlaceOf(places);
  const missing = request.uploaded
    ? 'it was uploaded to another server, and this one, which took the job, does not share its models directory'
    : 'there is no such file or folder in a models directory';
  await importModel(
    { path: await found(places, request.path, missing), precision: request.precision, name: task.job.name },
    {
      ...{ builder, modelsDirectory, signal },
      goesOn: () => goesOn(task),
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

/** Its sender knows the files of an upload, and not the folder that they came into. */
function asSent(error: unknown, folder: string): unknown {
  if (!(error instanceof SteerdError)) return error;
  const path = new RegExp(`"[^"]*${basename(folder)}[/\\\\]*`, 'g');
  return error.inWords(error.message.replaceAll(path, '"').replaceAll('""', 'the upload'));
}

/** An upload is of no use any more, unless somebody goes on with the job. */
async function drop(task: ImportTask, places: readonly string[]): Promise<void> {
  if (task.request.uploaded && !goesOn(task)) await removeUpload(ownPlaceOf(places), task.job.id);
}

/** Whether this process alone is stopped, not the job. */
const goesOn = ({ stopped }: Pick<ImportTask, 'stopped'>): boolean =>
  stopped === 'released' || stopped === 'lost';

/** The first directory that has it; what none has is looked for, and missed, in the first. */
async function found(places: readonly string[], path: string, missing: string): Promise<string> {
  for (const place of places) {
    const here = await access(join(place, path)).then(
      () => true,
      () => false,
    );
    if (here) return join(place, path);
  }
  throw errors.checkpointInvalid(path, missing);
}
