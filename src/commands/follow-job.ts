/** Follows a job of the API to its end, whatever kind it is, with its progress; it is cancelled when the command is stopped. */
import type { QueueJob } from '../common/job-queue.js';
import { type Api, ApiError } from './api.js';
import { ProgressLine } from './progress-line.js';
import { timeWords } from './time-words.js';

interface ProgressEvent {
  readonly type: string;
  readonly data: { readonly stage: string; readonly done: number; readonly total: number };
}

/**
 * @param path of the job
 * @param what it is, for the message of one that does not say why it ended
 * @returns the job, which has succeeded
 * @throws ApiError when it has failed; Interrupted, when the server has stopped it too
 */
export async function followJob<Job extends QueueJob>(
  api: Api,
  path: string,
  title: string,
  what: string,
): Promise<Job> {
  const progress = new ProgressLine();
  let stage = { name: '', since: 0, first: 0 };
  try {
    for await (const event of api.events<ProgressEvent>(`${path}/events`)) {
      if (event.type !== 'progress') continue;
      const { stage: name, done, total } = event.data;
      const now = performance.now();
      if (stage.name !== name) stage = { name, since: now, first: done };
      const each = done > stage.first ? (now - stage.since) / 1000 / (done - stage.first) : 0;
      const left = each * (total - done) >= 5 ? `, ${timeWords(each * (total - done))} left in it` : '';
      progress.update(`${title}: ${name}`, `${done} of ${total}${left}`);
    }
  } catch (error) {
    // Its own signal: the command's is aborted. One that has ended meanwhile is refused, and that is as well.
    const signal = AbortSignal.timeout(10_000);
    if (api.signal.aborted) await api.json(`${path}/cancel`, { method: 'POST', signal }).catch(() => {});
    throw error;
  } finally {
    progress.clear();
  }
  const job = await api.json<Job>(path);
  if (job.status === 'succeeded') return job;
  throw new ApiError(job.error?.message ?? `${what} was ${job.status}`, 1);
}
