/** A job of a running server (a fit, a pull): asked for, followed to its end, and cancelled when the command is stopped. */
import { type Api, ApiError } from './api.js';
import type { Asked } from './api-request.js';

/** What all kinds of jobs have. */
interface Job {
  readonly id: string;
  readonly status: string;
  readonly error: { readonly message: string } | null;
}

export interface JobKind {
  /** Where it is asked for. */
  readonly start: string;
  /** Where jobs of the kind are, such as `/v1/fits`. */
  readonly jobs: string;
  /** What cancels one, by its own path. */
  readonly cancel: (job: string) => readonly [path: string, asked: Asked];
  /** As its failure calls it. */
  readonly name: string;
}

/**
 * @param body of the request that starts it
 * @param onEvent told each event as it comes
 * @returns the job, which has succeeded
 * @throws ApiError when it was refused or has failed; Interrupted, when the server has stopped it too
 */
export async function jobOverApi<Kind extends Job, Event extends object>(
  api: Api,
  { start, jobs, cancel, name }: JobKind,
  body: object,
  onEvent: (event: Event) => void,
): Promise<Kind> {
  const { id } = await api.json<Kind>(start, { method: 'POST', body });
  const path = `${jobs}/${id}`;
  try {
    for await (const event of api.events<Event>(`${path}/events`)) onEvent(event);
  } catch (error) {
    if (api.signal.aborted) {
      // Its own signal: the command's is aborted. One that has ended meanwhile is refused, and that is as well.
      const [where, asked] = cancel(path);
      await api.json(where, { ...asked, signal: AbortSignal.timeout(10_000) }).catch(() => {});
    }
    throw error;
  }
  const job = await api.json<Kind>(path);
  if (job.status === 'succeeded') return job;
  throw new ApiError(job.error?.message ?? `the ${name} was ${job.status}`, 1);
}
