/** How a job's work ends: what it came to, or that it is to be done again. */
import { SteerdError } from '../errors.js';
import type { QueueJob, StatusLog, Task } from './job-task.js';
import { withoutPaths } from './without-paths.js';

export interface EndOfWork<Job> {
  /** Null when the job was released: it waits again. */
  readonly end: Partial<QueueJob> | null;
  /** What changes in the job with its success. */
  readonly result?: Partial<Job>;
}

/**
 * Does the work. The job was cancelled, or released, when `work` throws its signal's reason, and has failed when it throws anything
 * else.
 * @param onUnexpected hears of failures that are no SteerdError
 */
export async function endOfWork<Job extends QueueJob, Request, Events extends StatusLog<Job>>(
  task: Task<Job, Request, Events>,
  work: (task: Task<Job, Request, Events>) => Promise<Partial<Job>>,
  onUnexpected?: (job: Job, error: unknown) => void,
): Promise<EndOfWork<Job>> {
  const { signal } = task;
  try {
    signal.throwIfAborted();
    return { end: { status: 'succeeded' }, result: await work(task) };
  } catch (error) {
    if (signal.aborted && error === signal.reason)
      return { end: task.stopped === 'cancelled' ? { status: 'cancelled' } : null };
    const known = error instanceof SteerdError;
    if (!known) onUnexpected?.(task.job, error);
    // What nobody foresaw may name anything of this machine; the log has it.
    // Jobs are read over HTTP, like replies.
    const message = known ? withoutPaths(error.message) : 'it failed inside the server, whose log says why';
    const code = known ? error.code : 'internal_error';
    return { end: { status: 'failed', error: { code, message } } };
  }
}
