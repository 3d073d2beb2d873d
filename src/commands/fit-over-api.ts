/** A fit on a running server: asked for, followed to its end, and cancelled when the command is stopped. */
import type { FitJob } from '../schemas/fit-jobs.js';
import { type Api, ApiError } from './api.js';
import { askForJob, followStages } from './follow-job.js';

interface Options {
  /** Before its progress; its name without. */
  readonly title?: string;
  /** A job that was asked for before: followed where it is there and not lost. */
  readonly job?: string | undefined;
  readonly onJob?: (id: string) => Promise<void>;
}

/**
 * @returns the job, which has succeeded
 * @throws ApiError when it was refused or has failed; Interrupted, when the server has stopped it too
 */
export async function fitOverApi(api: Api, request: object, options: Options = {}): Promise<FitJob> {
  const before = options.job === undefined ? null : await known(api, options.job);
  const { id, name } = before ?? (await askForJob<FitJob>(api, '/v1/fits', request));
  await options.onJob?.(id);
  return followStages<FitJob>(api, `/v1/fits/${id}`, options.title ?? name, 'the fit');
}

/** One that runs or has succeeded; null for any other, which is asked for anew. */
async function known(api: Api, id: string): Promise<FitJob | null> {
  try {
    const job = await api.json<FitJob>(`/v1/fits/${id}`);
    return job.status === 'failed' || job.status === 'cancelled' ? null : job;
  } catch (error) {
    if (error instanceof ApiError && error.exitCode === 2) return null;
    throw error;
  }
}
