/** A job of the benchmark as its queue keeps it, and a run as the API tells it with its job. */
import { JobEventLog, statusOf } from '../common/job-event-log.js';
import type { QueueJob } from '../common/job-task.js';
import type { BenchmarkRun } from '../schemas/benchmarks.js';
import { type Asked, cellsOf } from './asked.js';

export interface Progress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

export interface Job extends QueueJob {
  /** The run's name: several jobs, one after the other, may work on one. */
  readonly run: string;
  readonly created_at: number;
  readonly progress: Progress | null;
  /** What its run is told to be until it has begun. */
  readonly planned: Omit<BenchmarkRun, 'id' | 'object' | 'state' | 'job'>;
}

export interface Event {
  readonly id: string;
  readonly created_at: number;
  readonly type: string;
  readonly message: string;
}

export class Events extends JobEventLog<Event> {
  status(job: Job): void {
    const { type, message } = statusOf(job);
    this.tell({ type, message }, job);
  }

  progress({ stage, done, total }: Progress): void {
    const message = `${stage} ${done}/${total}`;
    this.add({ type: 'progress', message }, (event) => event.type === 'progress');
  }
}

/** A run of which nothing is done. */
export function planOf(asked: Asked, model: string, started_at: number): Job['planned'] {
  const { concepts, variants } = asked;
  return {
    ...{ model, started_at },
    concepts: concepts.length,
    classes: [...new Set(concepts.map((concept) => concept.class))],
    variants: variants.map(({ id }) => id),
    fits: { done: 0, total: concepts.length * variants.length, failed: 0 },
    answers: { done: 0, total: cellsOf(asked).total },
    judgements: { done: 0, total: 0 },
    success: [],
  };
}

/** A run with its newest job, of which one at least is there. */
export function told(run: BenchmarkRun, job: Job | undefined): BenchmarkRun;
export function told(run: BenchmarkRun | undefined, job: Job): BenchmarkRun;
export function told(run: BenchmarkRun | undefined, job: Job | undefined): BenchmarkRun {
  if (job === undefined) return run as BenchmarkRun;
  const { id, status, created_at, started_at, finished_at, progress, error } = job;
  const { planned } = job;
  const known = run ?? { id: job.run, object: 'benchmark', ...planned, state: 'stopped' };
  return {
    ...known,
    state: status === 'queued' || status === 'running' ? status : known.state,
    job: { id, status, created_at, started_at, finished_at, stage: progress?.stage || null, error },
  };
}
