/** How long to wait before one tries again. */
import { setTimeout as pause } from 'node:timers/promises';

interface Backoff {
  /** Milliseconds before the first retry; they double with each failure in a row. */
  readonly first: number;
  /** Milliseconds. */
  readonly longest: number;
  /** What the other side asked for: it is waited for at least. */
  readonly askedSeconds?: number;
}

/**
 * Milliseconds before the next try. Jitter, so that many clients that lost the same server do not return at once.
 * @param failures in a row, from 1
 */
export function backoff(failures: number, { first, longest, askedSeconds = 0 }: Backoff): number {
  const growing = Math.min(longest, first * 2 ** (failures - 1));
  return Math.max(growing * (0.75 + Math.random() / 2), askedSeconds * 1000);
}

/** Resolves after so many milliseconds, or at once when the signal is aborted: whoever goes on looks at it. */
export async function pauseUnlessAborted(milliseconds: number, signal: AbortSignal): Promise<void> {
  await pause(milliseconds, null, { signal }).catch(() => {});
}

/** The seconds to wait by a Retry-After header, which has seconds or a date (RFC 9110, section 10.2.3); 0 without one. */
export function retryAfter(header: string | null): number {
  if (header === null) return 0;
  if (/^\d+$/.test(header)) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? 0 : Math.max(0, (date - Date.now()) / 1000);
}
