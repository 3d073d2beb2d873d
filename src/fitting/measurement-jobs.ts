/**
 * Calibrations and sweeps as jobs: one of each kind runs at a time, the others wait, and a client that leaves loses nothing. A job is
 * there for the key that asked for it. Its work is given with it, so that it does what that key may do.
 */
import { type JobEvent, JobEventLog, statusOf } from '../common/job-event-log.js';
import { JobQueue, type QueueJob } from '../common/job-queue.js';
import { newId, unixSeconds } from '../common/stamps.js';
import { errors } from '../errors.js';
import type { CalibrationEvent, CalibrationJob, SweepEvent, SweepJob } from '../schemas/measurement-jobs.js';
import { endOfJob } from './end-of-job.js';

type OnProgress = (stage: string, done: number, total: number) => void;

interface MeasurementJob extends QueueJob {
  readonly progress: { readonly stage: string; readonly done: number; readonly total: number } | null;
}

/** What the job does, and what changes in it with its success. */
type Work<Job> = (signal: AbortSignal, onProgress: OnProgress) => Promise<Partial<Job>>;

interface Asked<Job> {
  readonly work: Work<Job>;
}

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

class Jobs<Job extends MeasurementJob, Events extends MeasurementLog<Job, JobEvent>> {
  readonly #queue: JobQueue<Job, Asked<Job>, Events>;
  /** Ids of keys; null for anonymous use. */
  readonly #owners = new Map<string, string | null>();

  constructor(
    private readonly kind: Kind,
    private readonly newLog: () => Events,
    log: Log,
  ) {
    this.#queue = new JobQueue({
      ...{ maxQueued, retryAfterSeconds, maxFinished },
      work: async (task) => {
        const onProgress: OnProgress = (stage, done, total) => {
          task.update({ progress: { stage, done, total } } as Partial<Job>);
          task.events.progress(stage, done, total);
        };
        try {
          return { ...(await task.request.work(task.signal, onProgress)), progress: null };
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
        for (const known of this.#owners.keys()) {
          if (known !== id && this.#queue.get(known) === undefined) this.#owners.delete(known);
        }
      },
    });
  }

  /** @throws SteerdError queue_full */
  add(job: Job, work: Work<Job>, owner: string | null): Job {
    if (this.#queue.closed) throw errors.stopping();
    this.#owners.set(job.id, owner);
    return this.#queue.add(job, { work }, this.newLog()).job;
  }

  /** As `owner` sees them: its own; without keys, all. */
  of(owner: string | null) {
    const sees = (id: string) => owner === null || this.#owners.get(id) === owner;
    const get = (id: string): Job => {
      const job = sees(id) ? this.#queue.get(id) : undefined;
      if (job === undefined) throw errors.jobNotFound(this.kind, id);
      return job;
    };
    return {
      /** Newest first. */
      list: () => this.#queue.list().filter(({ id }) => sees(id)),
      /** @throws SteerdError job_not_found, as all below */
      get,
      events: (id: string): Events => this.#queue.events(get(id).id) as Events,
      cancel: async (id: string): Promise<Job> => this.#queue.cancel(get(id).id),
      /** The job at its end; the signal's reason is thrown when it is aborted, and the job goes on. */
      end: async (id: string, signal: AbortSignal): Promise<Job> => {
        await endOfJob(this.#queue.events(get(id).id), `/v1/${this.kind}s/${id}`, signal);
        return get(id);
      },
    };
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

export class MeasurementJobs {
  readonly #calibrations: Jobs<CalibrationJob, CalibrationLog>;
  readonly #sweeps: Jobs<SweepJob, SweepLog>;

  constructor(log: Log) {
    this.#calibrations = new Jobs<CalibrationJob, CalibrationLog>(
      'calibration',
      () => new CalibrationLog(),
      log,
    );
    this.#sweeps = new Jobs<SweepJob, SweepLog>('sweep', () => new SweepLog(), log);
  }

  /** @throws SteerdError queue_full, stopping */
  calibrate(name: string, model: string, work: Work<CalibrationJob>, owner: string | null): CalibrationJob {
    const job = { id: newId('calibration'), object: 'calibration' as const, name, ...begun(model) };
    return this.#calibrations.add({ ...job, concept: null, warnings: [] }, work, owner);
  }

  /** @throws SteerdError queue_full, stopping */
  sweep(answers: number, model: string, work: Work<SweepJob>, owner: string | null): SweepJob {
    const job = { id: newId('sweep'), object: 'sweep' as const, ...begun(model), answers, result: null };
    return this.#sweeps.add(job, work, owner);
  }

  calibrations(owner: string | null) {
    return this.#calibrations.of(owner);
  }

  sweeps(owner: string | null) {
    return this.#sweeps.of(owner);
  }

  /** Cancels what is left, and waits until it has stopped. */
  async close(): Promise<void> {
    await Promise.all([this.#calibrations.close(), this.#sweeps.close()]);
  }
}
