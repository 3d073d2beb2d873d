/**
 * The queue of pulls: of a server one runs at a time, the others wait. A job that fails or is cancelled leaves nothing that loads,
 * and what had come is continued by the next pull of the same model.
 */
import { inSteps } from '../../common/in-steps.js';
import type { Task } from '../../common/job-task.js';
import { newId, unixSeconds } from '../../common/stamps.js';
import { errors } from '../../errors.js';
import type { Hub } from '../../hub/hub.js';
import type { OpenQueue } from '../../jobs/jobs.js';
import { localQueue } from '../../jobs/local-jobs.js';
import { QueuedJobs } from '../../jobs/queued-jobs.js';
import type { PullEvent, PullJob, PullRequest } from '../../schemas/pulls.js';
import type { Builder } from '../import/builder.js';
import { defaultName, pullModel } from './pull.js';
import { PullEventLog } from './pull-events.js';

interface PullJobsOptions {
  readonly hub: Hub;
  readonly modelsDirectory: string;
  /** Builds graphs for repositories without an export. */
  readonly builder?: Builder;
  readonly log?: {
    info(details: object, message: string): void;
    error(details: object, message: string): void;
  };
  /** Finished jobs remembered; the oldest are forgotten first. */
  readonly maxFinished?: number;
  /** Hears of each job that ended here. */
  readonly onFinished?: (job: PullJob) => void;
  /** Where jobs are kept and who works on them: this process alone, and for as long as it lives, without. */
  readonly openQueue?: OpenQueue;
}

const maxQueued = 16;
const retryAfterSeconds = 60;

type PullTask = Task<PullJob, PullRequest, PullEventLog>;

export class PullJobs extends QueuedJobs<PullJob, PullRequest, PullEvent> {
  constructor(options: PullJobsOptions) {
    const { log, openQueue = localQueue } = options;
    super(
      openQueue<PullJob, PullRequest, PullEvent, PullEventLog>({
        kind: 'pull',
        maxQueued,
        retryAfterSeconds,
        maxFinished: options.maxFinished,
        afresh: { progress: null },
        newEvents: (kept) => new PullEventLog(kept),
        work: (task) => pull(task, options),
        notFound: errors.pullNotFound,
        finished: errors.pullFinished,
        onUnexpected: ({ id }, err) => log?.error({ pull: id, err }, 'pull failed unexpectedly'),
        onFinished: (job) => {
          const { id, status, model, commit, name, error } = job;
          log?.info({ pull: id, status, repository: model, commit, model: name, error }, 'pull finished');
          options.onFinished?.(job);
        },
      }),
    );
  }

  /**
   * Queues a pull. Asking for what is being pulled already gives that job.
   * @throws SteerdError invalid_value, pull_running (the name is being given to another model), queue_full
   */
  async create(request: PullRequest): Promise<PullJob> {
    if (this.queue.closed) throw errors.stopping();
    const name = request.name ?? defaultName(request.model);
    const job: PullJob = {
      id: newId('pull'),
      object: 'model.pull',
      status: 'queued',
      model: request.model,
      revision: request.revision,
      name,
      commit: null,
      file: request.file ?? null,
      quantization: request.quantization ?? null,
      precision: request.precision ?? null,
      created_at: unixSeconds(),
      started_at: null,
      finished_at: null,
      progress: null,
      error: null,
    };
    const same = await this.queue.add(job, request, { key: name });
    if (same.added || isSame(same.request, request)) return same.job;
    throw errors.pullRunning(name, `job ${same.job.id} (${same.job.model}@${same.job.revision})`);
  }
}

const isSame = (a: PullRequest, b: PullRequest) =>
  a.model === b.model &&
  a.revision === b.revision &&
  a.quantization === b.quantization &&
  a.file === b.file &&
  a.precision === b.precision;

async function pull(
  task: PullTask,
  { hub, modelsDirectory, builder }: PullJobsOptions,
): Promise<Partial<PullJob>> {
  const { request, events, signal } = task;
  const { model: repository, ...wish } = request;
  await pullModel(
    { ...wish, repository },
    {
      hub,
      modelsDirectory,
      builder,
      signal,
      goesOn: () => task.stopped === 'released' || task.stopped === 'lost',
      onPlan: (plan) => {
        const { path: file = null, quantization = null } = plan.choice?.graph ?? {};
        task.update({ commit: plan.commit, file, quantization, precision: plan.precision });
        events.choice(plan);
      },
      onProgress: inSteps((progress) => {
        task.update({ progress });
        events.progress(progress);
      }),
    },
  );
  return {};
}
