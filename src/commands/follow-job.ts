/** Follows a job of the API to its end, whatever kind it is, and cancels it when the command is stopped. */
import type { QueueJob } from '../common/job-task.js';
import { timeWords } from '../common/time-words.js';
import { type Api, ApiError } from './api.js';
import { ProgressLine } from './progress-line.js';

interface ProgressEvent {
  readonly type: string;
  readonly data: { readonly stage: string; readonly done: number; readonly total: number };
}

/** Milliseconds that a stopped command waits for the job that it has just asked for. */
const patience = 10_000;

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
 * @param onEvent told each event as it comes
 * @returns the job, which has succeeded
 * @throws ApiError when it has failed; Interrupted, when the server has stopped it too
 */
export async function followJob<Job extends QueueJob, Event extends object>(
  api: Api,
  { path, cancel, what }: Followed,
  onEvent: (event: Event) => void,
): Promise<Job> {
  try {
    for await (const event of api.events<Event>(`${path}/events`)) onEvent(event);
  } catch (error) {
    if (api.signal.aborted) {
      // Its own signal: the command's is aborted. One that has ended meanwhile is refused, and that is as well.
      const [where, method] = cancel;
      await api.json(where, { method, signal: AbortSignal.timeout(10_000) }).catch(() => {});
    }
    throw error;
  }
  const job = await api.json<Job>(path);
  if (job.status === 'succeeded') return job;
  throw new ApiError(job.error?.message ?? `${what} was ${job.status}`, 1);
}

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
    progress.update(`${title}: ${name}`, `${done} of ${total}${left}`);
  };
  try {
    return await followJob<Job, ProgressEvent>(api, { path, cancel: [`${path}/cancel`, 'POST'], what }, show);
  } finally {
    progress.clear();
  }
}
