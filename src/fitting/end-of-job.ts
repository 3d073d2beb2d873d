/** Waiting for a job: whoever waits may go, or be cut by the deadline of a request, and the job goes on. */
import { errors, SteerdError } from '../errors.js';

/**
 * Returns when the job has ended.
 * @param events of the job; undefined where it is forgotten
 * @param path of the job in the API
 * @throws the signal's reason when aborted. That of a deadline names the job: nobody else told its id to who waits
 */
export async function endOfJob(
  events: { read(signal: AbortSignal): AsyncIterable<unknown> } | undefined,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const _ of events?.read(signal) ?? []) signal.throwIfAborted();
    signal.throwIfAborted();
  } catch (error) {
    if (error instanceof SteerdError && error.code === 'deadline_exceeded')
      throw errors.jobOutlastsRequest(path, error);
    throw error;
  }
}
