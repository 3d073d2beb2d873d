/** Trying again: longer and longer pauses, as long as a hub asks to wait, and an end to it. */
import { setTimeout as pause } from 'node:timers/promises';
import { errors } from '../errors.js';
import { Interruption } from './connection.js';

/** Tries in a row that brought nothing new. */
const mostFailures = 6;
const longestPause = 30_000;
/** A hub that wants a longer wait than this is not waited for. */
const longestWaitSeconds = 300;

export interface Persistence {
  /** What is wanted, for the message. */
  readonly what: string;
  readonly signal: AbortSignal;
  /** Milliseconds before the second try; they double with each one that brought nothing. */
  readonly firstPause: number;
  /** Hears why a try failed and how long it is until the next. */
  readonly onInterruption?: ((reason: string, seconds: number) => void) | undefined;
  /** How far it is: a try that got further before it broke off makes counting begin anew. */
  readonly progress?: () => number;
}

/**
 * Tries until there is no Interruption.
 * @throws SteerdError hub_failed after too many tries that brought nothing; the signal's reason; what else `attempt`
 *   throws
 */
export async function persistently<Result>(
  { what, signal, firstPause, onInterruption, progress = () => 0 }: Persistence,
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
      const growing = Math.min(longestPause, firstPause * 2 ** (failures - 1));
      // Scattered, so that many who lost the same hub do not come back at once.
      const wait = Math.max(growing * (0.75 + Math.random() / 2), error.waitSeconds * 1000);
      onInterruption?.(`${what}: ${error.message}`, wait / 1000);
      // It would end with an AbortError; the signal's own reason is told at the loop's beginning.
      await pause(wait, null, { signal }).catch(() => {});
    }
  }
}
