/** Fits as others meet them: waiting for one to end, and the one that is making a concept. */
import type { FitJob } from '../schemas/fit-jobs.js';
import { endOfJob } from './end-of-job.js';
import type { FitJobs } from './fit-jobs.js';

/**
 * The job at its end. The fit goes on whoever waits.
 * @throws as `endOfJob`
 */
export async function endOfFit(
  fits: Pick<FitJobs, 'get' | 'events'>,
  job: FitJob,
  signal: AbortSignal,
): Promise<FitJob> {
  await endOfJob(await fits.events(job.id), `/v1/fits/${job.id}`, signal);
  return (await fits.get(job.id)) ?? job;
}

/** The unfinished fit that makes this concept, with its progress in words; the newest where there are several. */
export function fitOf(
  fits: Pick<FitJobs, 'unfinished'>,
  model: string,
  name: string,
): { id: string; progress: string } | undefined {
  const job = fits.unfinished().find((one) => one.model === model && one.name === name);
  return job && { id: job.id, progress: progressWords(job) };
}

function progressWords({ status, progress }: FitJob): string {
  if (status === 'queued') return 'its fit waits for another';
  if (progress === null) return 'its fit begins';
  return `stage "${progress.stage}", ${progress.done} of ${progress.total}`;
}
