/**
 * Calibrations and sweeps as jobs: of a server one of each kind runs at a time, the others wait, and a client that leaves loses
 * nothing. A job is there for the key that asked for it, and does what that key may do, whichever server works on it.
 */
import { type JobEvent, JobEventLog, type KeptEvents, statusOf } from '../common/job-event-log.js';
import type { QueueJob } from '../common/job-task.js';
import { newId, unixSeconds } from '../common/stamps.js';
import { errors } from '../errors.js';
import type { FollowedLog, JobCounts, OpenQueue, Queue } from '../jobs/jobs.js';
import { localQueue } from '../jobs/local-jobs.js';
import type { CalibrationEvent, CalibrationJob, SweepEvent, SweepJob } from '../schemas/measurement-jobs.js';
import type { CalibrationJobRequest, SweepRequest } from '../schemas/measurements.js';
import { endOfJob } from './end-of-job.js';
import {
  type Asked,
  type Asker,
  type MeasuringServices,
  type MeasuringTask,
  workOnCalibration,
  workOnSweep,
} from './measurement-work.js';

interface MeasurementJob extends QueueJob {
  readonly progress: { readonly stage: string; readonly done: number; readonly total: number } | null;
}

/** A job with whose it is, which nobody is told: a key's id, null for anonymous use. */
type Owned<Job> = Job & { readonly owner: string | null };

interface Log {
  info(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** Its status with what else a kind of job tells, and its progress. */
abstract class MeasurementLog<Job extends QueueJob, Event extends JobEvent> extends JobEventLog<Event> {
  abstract status(job: Job): void;
  abstract progress(stage: string, done: number, total: number): void;
}

class CalibrationLog extends MeasurementLog<CalibrationJob, CalibrationEvent> {
  status(job: CalibrationJob): void {
    const { data, ...status } = statusOf(job);
    this.tell({ object: 'calibration.event', ...status, data: { ...data, concept: job.concept } }, job);
  }

  progress(stage: string, done: number, total: number): void {
    const data = { stage, done, total };
    this.add(
      {
        object: 'calibration.event',
        type: 'progress',
        level: 'info',
        message: `${stage} ${done}/${total}`,
        data,
      },
      (event) => event.type === 'progress' && event.data.stage === stage,
    );
  }
}

class SweepLog extends MeasurementLog<SweepJob, SweepEvent> {
  status(job: SweepJob): void {
    this.tell({ object: 'sweep.event', ...statusOf(job) }, job);
  }

  progress(stage: string, done: number, total: number): void {
    const data = { stage, done, total };
    this.add(
      { object: 'sweep.event', type: 'progress', level: 'info', message: `${stage} ${done}/${total}`, data },
      (event) => event.type === 'progress' && event.data.stage === stage,
    );
  }
}

const maxQueued = 16;
const retryAfterSeconds = 30;
/** Sweeps are kept with all their answers. */
const maxFinished = 64;

type Kind = 'calibration' | 'sweep';

interface KindOptions<Job, Request, Events> {
  readonly kind: Kind;
  readonly newEvents: (kept?: KeptEvents<never>) => Events;
  readonly work: (
    asked: Asked<Request>,
    job: Job,
    task: MeasuringTask,
    onProgress: (stage: string, done: number, total: number) => void,
  ) => Promise<Partial<Job>>;
  readonly log: Log;
  readonly openQueue: OpenQueue;
  readonly onFinished?: ((kind: Kind, status: string) => void) | undefined;
}

class Jobs<
  Job extends MeasurementJob,
  Request,
  Event extends JobEvent,
  Events extends MeasurementLog<Job, Event>,
> {
  readonly #queue: Queue<Owned<Job>, Asked<Request>, Event>;

  constructor(private readonly options: KindOptions<Job, Request, Events>) {
    const { kind, newEvents, work, log, openQueue, onFinished } = options;
    this.#queue = openQueue<Owned<Job>, Asked<Request>, Event, Events>({
      ...{ kind, maxQueued, retryAfterSeconds, maxFinished },
      newEvents: (kept) => newEvents(kept as KeptEvents<never> | undefined),
      afresh: { progress: null } as Partial<Owned<Job>>,
      work: async (task) => {
        const onProgress = (stage: string, done: number, total: number) => {
          task.update({ progress: { stage, done, total } } as Partial<Owned<Job>>);
          task.events.progress(stage, done, total);
        };
        try {
          const result = await work(task.request, task.job, task, onProgress);
          return { ...result, progress: null } as Partial<Owned<Job>>;
        } catch (error) {
          // Whatever fails in a job that is being cancelled fails because of that.
          if (task.signal.aborted) throw task.signal.reason;
          throw error;
        }
      },
      notFound: (id) => errors.jobNotFound(kind, id),
      finished: (id, status) => errors.jobFinished(kind, id, status),
      onUnexpected: ({ id }, err) => log.error({ [kind]: id, err }, `${kind} failed unexpectedly`),
      onFinished: ({ id, status, error }) => {
        log.info({ [kind]: id, status, error }, `${kind} finished`);
        onFinished?.(kind, status);
      },
    });
  }

  /** @throws SteerdError queue_full, stopping, database_unavailable */
  async add(job: Job & { readonly model: string }, request: Request, asker: Asker): Promise<Job> {
    if (this.#queue.closed) throw errors.stopping();
    const { owner, ...rest } = asker;
    return (await this.#queue.add({ ...job, owner }, { ...rest, request }, { model: job.model })).job;
  }

  /** As `owner` sees them: its own; without keys, all. */
  of(owner: string | null) {
    const sees = (job: Owned<Job>) => owner === null || job.owner === owner;
    /** @throws SteerdError job_not_found, as all below */
    const get = async (id: string): Promise<Owned<Job>> => {
      const job = await this.#queue.get(id);
      if (job === undefined || !sees(job)) throw errors.jobNotFound(this.options.kind, id);
      return job;
    };
    const events = async (id: string): Promise<FollowedLog<Event>> => {
      await get(id);
      return (await this.#queue.events(id)) as FollowedLog<Event>;
    };
    return {
      /** Newest first. */
      list: async () => (await this.#queue.list()).filter(sees),
      get,
      events,
      cancel: async (id: string): Promise<Job> => this.#queue.cancel((await get(id)).id),
      /** The job at its end; the signal's reason is thrown when it is aborted, and the job goes on. */
      end: async (id: string, signal: AbortSignal): Promise<Job> => {
        await endOfJob(await events(id), `/v1/${this.options.kind}s/${id}`, signal);
        return get(id);
      },
    };
  }

  counts() {
    return this.#queue.counts();
  }

  close(): Promise<void> {
    return this.#queue.close();
  }
}

const begun = (model: string) =>
  ({
    status: 'queued',
    model,
    created_at: unixSeconds(),
    started_at: null,
    finished_at: null,
    progress: null,
    error: null,
  }) as const;

interface MeasurementJobsOptions {
  /** What the work uses, without the limits of any key. */
  readonly services: MeasuringServices;
  readonly log: Log;
  /** Where jobs are kept and who works on them: this process alone, and for as long as it lives, without. */
  readonly openQueue?: OpenQueue | undefined;
  /** Hears of each job that ended here. */
  readonly onFinished?: ((kind: Kind, status: string) => void) | undefined;
}

export class MeasurementJobs {
  readonly #calibrations: Jobs<CalibrationJob, CalibrationJobRequest, CalibrationEvent, CalibrationLog>;
  readonly #sweeps: Jobs<SweepJob, SweepRequest, SweepEvent, SweepLog>;

  constructor({ services, log, openQueue = localQueue, onFinished }: MeasurementJobsOptions) {
    const common = { log, openQueue, onFinished };
    this.#calibrations = new Jobs({
      ...common,
      kind: 'calibration',
      newEvents: (kept) => new CalibrationLog(kept),
      work: (asked, { model }, task, onProgress) =>
        workOnCalibration(services, asked, model, task, onProgress),
    });
    this.#sweeps = new Jobs({
      ...common,
      kind: 'sweep',
      newEvents: (kept) => new SweepLog(kept),
      work: (asked, { model }, task, onProgress) => workOnSweep(services, asked, model, task, onProgress),
    });
  }

  /** @throws SteerdError queue_full, stopping, database_unavailable */
  calibrate(request: CalibrationJobRequest, model: string, asker: Asker): Promise<CalibrationJob> {
    const { concept: name } = request;
    const job = { id: newId('calibration'), object: 'calibration' as const, name, ...begun(model) };
    return this.#calibrations.add({ ...job, concept: null, warnings: [] }, request, asker);
  }

  /** @throws SteerdError queue_full, stopping, database_unavailable */
  sweep(request: SweepRequest, model: string, asker: Asker): Promise<SweepJob> {
    const answers = request.prompts.length * request.concepts.length * request.strengths.length;
    const job = { id: newId('sweep'), object: 'sweep' as const, ...begun(model), answers, result: null };
    return this.#sweeps.add(job, request, asker);
  }

  calibrations(owner: string | null) {
    return this.#calibrations.of(owner);
  }

  sweeps(owner: string | null) {
    return this.#sweeps.of(owner);
  }

  /** How many there are of each kind. */
  get counts(): Readonly<Record<Kind, () => JobCounts | Promise<JobCounts>>> {
    return { calibration: () => this.#calibrations.counts(), sweep: () => this.#sweeps.counts() };
  }

  /** Cancels what is left here, or leaves it to others and to the next start, and waits until it has stopped. */
  async close(): Promise<void> {
    await Promise.all([this.#calibrations.close(), this.#sweeps.close()]);
  }
}
