/** Work that is worth minutes is not thrown away because the database is away for one. */
import { setTimeout as pause } from 'node:timers/promises';
import { isDatabaseAway } from '../errors.js';

/**
 * Does `run` again while it fails for want of the database.
 * @param seconds how long at most
 * @throws what `run` throws otherwise, or at last; the signal's reason when aborted meanwhile
 */
export async function whenThere<Result>(
  run: () => Promise<Result>,
  signal: AbortSignal,
  seconds = 600,
): Promise<Result> {
  const until = performance.now() + seconds * 1000;
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!isDatabaseAway(error) || performance.now() > until) throw error;
      await pause(1000);
      signal.throwIfAborted();
    }
  }
}
