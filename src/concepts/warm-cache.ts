/**
 * Brings concepts to this machine's disk before anybody asks for them, so that they steer also while the database is away: new ones at
 * once, those of before at leisure, as long as the disk's bound has room. One at a time, for requests go first.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { isDatabaseAway } from '../errors.js';
import type { Concept } from './concept.js';
import type { ContentCache } from './content-cache.js';
import type { DatabaseFeed } from './database-feed.js';

const between = 20;
const afterFailure = 2_000;

/** Resolves when it is stopped. */
export async function warmCache(
  cache: ContentCache,
  feed: DatabaseFeed,
  fetch: (version: string) => Promise<Concept | undefined>,
  signal: AbortSignal,
): Promise<void> {
  const waiting = [...feed.heads()].flatMap(({ version }) => version ?? []);
  let wake = () => {};
  feed.onVersion = (version) => {
    waiting.push(version);
    wake();
  };
  signal.addEventListener('abort', () => wake());
  while (!signal.aborted) {
    const version = waiting.pop();
    if (version === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      continue;
    }
    if (cache.isOnDisk(version) || cache.room <= 0) continue;
    const away = await cache
      .warm(version, () => fetch(version))
      .then(
        () => false,
        // What is damaged is so the next time, too, and nothing else waits for it.
        isDatabaseAway,
      );
    if (away) waiting.push(version);
    await pause(away ? afterFailure : between, undefined, { signal, ref: false }).catch(() => {});
  }
}
