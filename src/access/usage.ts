/** What a key has used of its limits: on a server alone (key-usage.ts), or on all that share a database (shared-usage.ts). */
import type { ApiKey } from './api-key.js';

export type Limits = Pick<ApiKey, 'requests_per_minute' | 'tokens_per_minute' | 'concurrent_streams'>;

export interface Usage {
  /** Whether these are still the limits, so that a key that only changed otherwise keeps its usage. */
  hasLimits(limits: Limits): boolean;
  /** Counts a request. @throws SteerdError rate_limit_exceeded with the time to wait */
  takeRequest(): void | Promise<void>;
  /**
   * Counts a completion that begins.
   * @returns ends it
   * @throws SteerdError rate_limit_exceeded when tokens are overspent or as many completions run as may
   */
  beginStream(): (() => void) | Promise<() => void>;
  spendTokens(tokens: number): void;
  /** OpenAI's headers (platform.openai.com/docs/guides/rate-limits). */
  headers(): Record<string, string>;
}

/** What there is of a limit per minute, as the headers tell it. */
export interface LimitState {
  readonly perMinute: number;
  /** Whole units that are there. */
  readonly remaining: number;
  /** Seconds until all are. */
  readonly untilFull: number;
}

export function limitHeaders(
  limits: Readonly<Record<'requests' | 'tokens', LimitState | null>>,
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of ['requests', 'tokens'] as const) {
    const limit = limits[name];
    if (limit === null) continue;
    headers[`x-ratelimit-limit-${name}`] = String(limit.perMinute);
    headers[`x-ratelimit-remaining-${name}`] = String(limit.remaining);
    headers[`x-ratelimit-reset-${name}`] = `${limit.untilFull.toFixed(3)}s`;
  }
  return headers;
}
