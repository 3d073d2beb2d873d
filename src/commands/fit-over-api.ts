/** A fit on a running server: asked for, followed to its end, and cancelled when the command is stopped. */
import type { FitEvent, FitJob } from '../schemas/fit-jobs.js';
import { type Api, ApiError } from './api.js';
import { ProgressLine } from './progress-line.js';

/**
 * @returns the job, which has succeeded
 * @throws ApiError when it was refused or has failed; Interrupted, when the server has stopped it too
 */
export async function fitOverApi(api: Api, request: object): Promise<FitJob> {
  const { id, name } = await api.json<FitJob>('/v1/fits', { method: 'POST', body: request });
  const progress = new ProgressLine();
  try {
    for await (const event of api.events<FitEvent>(`/v1/fits/${id}/events`)) {
      if (event.type !== 'progress') continue;
      const { stage, done, total } = event.data;
      progress.update(`${name}: ${stage}`, `${done} of ${total}`);
    }
  } catch (error) {
    // Its own signal: the command's is aborted. One that has ended meanwhile is refused, and that is as well.
    const signal = AbortSignal.timeout(10_000);
    if (api.signal.aborted)
      await api.json(`/v1/fits/${id}/cancel`, { method: 'POST', signal }).catch(() => {});
    throw error;
  } finally {
    progress.clear();
  }
  const job = await api.json<FitJob>(`/v1/fits/${id}`);
  if (job.status === 'succeeded') return job;
  throw new ApiError(job.error?.message ?? `the fit was ${job.status}`, 1);
}
