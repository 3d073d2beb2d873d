/** Follows a job of the API to its end, whatever kind it is, and cancels it when the command is stopped. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { QueueJob } from '../common/job-task.js';
import { timeWords } from '../common/time-words.js';
import { type Api, ApiError } from './api.js';
import { ProgressLine } from './progress-line.js';

interface Numbered {
  /** Counts up within a job. */
  readonly id: string;
}

interface ProgressEvent extends Numbered {
  readonly type: string;
  readonly data: { readonly stage: string; readonly done: number; readonly total: number };
}

/** Milliseconds that a stopped command waits for the job that it has just asked for. */
const patience = 10_000;
/** Milliseconds between two tries, and how long a server may be away: a restart takes so long. */
const usualPause = 1000;
const longestAbsence = 60_000;

/**
 * Asks for a job. A command that is stopped meanwhile still waits for the answer, for a moment: whoever does not know the job cannot
 * cancel it.
 * @throws ApiError when it was refused
 */
export async function askForJob<Job>(api: Api, path: string, body: object): Promise<Job> {
  const late = new AbortController();
  const stopped = () => void setTimeout(() => late.abort(api.signal.reason), patience).unref();
  api.signal.addEventListener('abort', stopped, { once: true });
  try {
    return await api.json<Job>(path, { method: 'POST', body, signal: late.signal });
  } finally {
    api.signal.removeEventListener('abort', stopped);
  }
}

/** The job as it is asked about. */
interface Followed {
  readonly path: string;
  /** What cancels it. */
  readonly cancel: readonly [path: string, method: 'POST' | 'DELETE'];
  /** What it is, for the message of one that does not say why it ended. */
  readonly what: string;
}

/**
 * Jobs outlast connections: a request may take no longer than the server lets it, proxies cut what is long, servers are started again.
 * The job is then looked for again.
 * @param onEvent told each event as it comes, once
 * @param pause milliseconds until a connection that was lost is tried again
 * @returns the job, which has succeeded
 * @throws ApiError when it has failed or its server stays away; Interrupted, when the server has stopped it too
 */
export async function followJob<Job extends QueueJob, Event extends Numbered>(
  api: Api,
  { path, cancel, what }: Followed,
  onEvent: (event: Event) => void,
  pause: number = usualPause,
): Promise<Job> {
  let seen = 0;
  const hear = (event: Event) => {
    if (Number(event.id) <= seen) return;
    seen = Number(event.id);
    onEvent(event);
  };
  try {
    const job = await toItsEnd<Job, Event>(api, path, hear, pause);
    if (job.status === 'succeeded') return job;
    throw new ApiError(job.error?.message ?? `${what} was ${job.status}`, 1);
  } catch (error) {
    if (api.signal.aborted) {
      // Its own signal: the command's is aborted. One that has ended meanwhile is refused, and that is as well.
      const [where, method] = cancel;
      await api.json(where, { method, signal: AbortSignal.timeout(patience) }).catch(() => {});
    }
    throw error;
  }
}

async function toItsEnd<Job extends QueueJob, Event extends Numbered>(
  api: Api,
  path: string,
  hear: (event: Event) => void,
  pause: number,
): Promise<Job> {
  let lostAt: number | null = null;
  for (;;) {
    try {
      for await (const event of api.events<Event>(`${path}/events`)) {
        lostAt = null;
        hear(event);
      }
      const job = await api.json<Job>(path);
      if (job.finished_at !== null) return job;
      lostAt = null;
    } catch (error) {
      lostAt ??= performance.now();
      if (!isConnection(error) || performance.now() - lostAt > longestAbsence) throw error;
    }
    await sleep(pause, undefined, { signal: api.signal }).catch(() => api.signal.throwIfAborted());
  }
}

/** Whether it is the connection that ended, and not the job. */
const isConnection = (error: unknown) =>
  error instanceof ApiError &&
  (error.status === undefined
    ? error.exitCode === 3 || error.code === 'deadline_exceeded'
    : error.code === 'server_stopping');

/** The same for a job that tells its stages, which are shown under a title. */
export async function followStages<Job extends QueueJob>(
  api: Api,
  path: string,
  title: string,
  what: string,
): Promise<Job> {
  const progress = new ProgressLine();
  let stage = { name: '', since: 0, first: 0 };
  const show = ({ type, data }: ProgressEvent) => {
    if (type !== 'progress') return;
    const { stage: name, done, total } = data;
    const now = performance.now();
    if (stage.name !== name) stage = { name, since: now, first: done };
    const each = done > stage.first ? (now - stage.since) / 1000 / (done - stage.first) : 0;
    const left = each * (total - done) >= 5 ? `, ${timeWords(each * (total - done))} left in it` : '';
    progress.update(`${title}: ${name}`, `${done} of ${total}${left}`, total === 0 ? 0 : done / total);
  };
  try {
    return await followJob<Job, ProgressEvent>(api, { path, cancel: [`${path}/cancel`, 'POST'], what }, show);
  } finally {
    progress.clear();
  }
}
