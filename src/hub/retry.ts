/** Retries interrupted actions with exponential backoff, or after the time that the hub asks for. */
import { backoff, pauseUnlessAborted } from '../common/backoff.js';
import { errors } from '../errors.js';
import { Interruption } from './connection.js';

/** Tries in a row without progress after which it gives up. */
const mostFailures = 6;
/** Milliseconds. */
const longestPause = 30_000;
/** It gives up when a hub asks for a longer wait than this. */
const longestWaitSeconds = 300;

interface RetryOptions {
  /** What is being fetched, for messages. */
  readonly what: string;
  readonly signal: AbortSignal;
  /** Milliseconds before the first retry; they double with each try that made no progress. */
  readonly firstPause: number;
  /** Called with the reason why a try failed and the seconds until the next. */
  readonly onInterruption?: ((reason: string, seconds: number) => void) | undefined;
  /** A measure of the progress so far: a try that raised it before it was interrupted resets the count of failures. */
  readonly progress?: () => number;
}

/**
 * Calls `attempt` until it does not throw an Interruption.
 * @throws SteerdError hub_failed after six tries in a row without progress, or when the hub asks for too long a wait;
 *   the signal's reason; any other error of `attempt`
 */
export async function retryInterrupted<Result>(
  { what, signal, firstPause, onInterruption, progress = () => 0 }: RetryOptions,
  attempt: () => Promise<Result>,
): Promise<Result> {
  let failures = 0;
  let reached = progress();
  for (;;) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Interruption)) throw error;
      const now = progress();
      failures = now > reached ? 1 : failures + 1;
      reached = Math.max(reached, now);
      if (failures >= mostFailures) {
        throw errors.hubFailed(what, `${error.message} (${failures} tries in a row)`);
      }
      if (error.waitSeconds > longestWaitSeconds) {
        throw errors.hubFailed(what, `${error.message}; it asks to wait ${error.waitSeconds} s`);
      }
      const askedSeconds = error.waitSeconds;
      const wait = backoff(failures, { first: firstPause, longest: longestPause, askedSeconds });
      onInterruption?.(`${what}: ${error.message}`, wait / 1000);
      await pauseUnlessAborted(wait, signal);
    }
  }
}
