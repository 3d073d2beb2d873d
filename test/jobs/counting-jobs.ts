/** A kind of jobs for tests: the work is whatever the test gives, told by the request. */
import { JobEventLog, statusOf } from '../../src/common/job-event-log.js';
import type { QueueJob, Task } from '../../src/common/job-task.js';
import { errors } from '../../src/errors.js';
import type { OpenQueue } from '../../src/jobs/jobs.js';

export interface CountingJob extends QueueJob {
  readonly progress: number | null;
  readonly result: string | null;
}

export interface CountingEvent {
  readonly id: string;
  readonly created_at: number;
  readonly type: string;
  readonly message: string;
}

export class CountingLog extends JobEventLog<CountingEvent> {
  status(job: CountingJob): void {
    const { type, message } = statusOf(job);
    this.tell({ type, message }, job);
  }

  count(number: number): void {
    this.add({ type: 'progress', message: String(number) }, ({ type }) => type === 'progress');
  }
}

export type CountingTask = Task<CountingJob, string, CountingLog>;

export const newJob = (id: string): CountingJob => ({
  id,
  status: 'queued',
  started_at: null,
  finished_at: null,
  error: null,
  progress: null,
  result: null,
});

export const countingQueue = (
  openQueue: OpenQueue,
  work: (task: CountingTask) => Promise<Partial<CountingJob>>,
  limits: { readonly maxQueued?: number; readonly maxFinished?: number } = {},
) =>
  openQueue<CountingJob, string, CountingEvent, CountingLog>({
    kind: 'fit',
    maxQueued: 100,
    retryAfterSeconds: 5,
    ...limits,
    afresh: { progress: null },
    newEvents: (kept) => new CountingLog(kept),
    work,
    notFound: errors.fitNotFound,
    finished: errors.fitFinished,
  });

export type CountingQueue = ReturnType<typeof countingQueue>;

/** Resolves when the signal is aborted, with a rejection of its reason, as work does. */
export const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });

/** The messages of all events until the log ends. */
export async function messagesOf(queue: CountingQueue, id: string, after = 0): Promise<string[]> {
  const log = await queue.events(id);
  const messages: string[] = [];
  for await (const events of log?.read(AbortSignal.timeout(20_000), { after, pace: 0 }) ?? [])
    messages.push(...events.map(({ message }) => message));
  return messages;
}
