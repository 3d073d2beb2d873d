/** What a key has used of its rate limits and of the completions it may run at once. */
import { errors } from '../errors.js';
import type { ApiKey } from './api-key.js';
import { TokenBucket } from './token-bucket.js';

type Limits = Pick<ApiKey, 'requests_per_minute' | 'tokens_per_minute' | 'concurrent_streams'>;

const bucketOf = (perMinute: number | null) => (perMinute === null ? null : new TokenBucket(perMinute));

export class KeyUsage {
  readonly #requests: TokenBucket | null;
  readonly #tokens: TokenBucket | null;
  #streams = 0;

  constructor(readonly limits: Limits) {
    this.#requests = bucketOf(limits.requests_per_minute);
    this.#tokens = bucketOf(limits.tokens_per_minute);
  }

  /** Whether these are still the limits, so that a key that only changed otherwise keeps its usage. */
  hasLimits(limits: Limits): boolean {
    const fields = ['requests_per_minute', 'tokens_per_minute', 'concurrent_streams'] as const;
    return fields.every((field) => this.limits[field] === limits[field]);
  }

  get streams(): number {
    return this.#streams;
  }

  /** Counts a request. @throws SteerdError rate_limit_exceeded with the time to wait */
  takeRequest(): void {
    const bucket = this.#requests;
    if (bucket === null) return;
    if (bucket.wait > 0) throw errors.rateLimited('requests', bucket.perMinute, bucket.wait);
    bucket.spend(1);
  }

  /**
   * Counts a completion that begins.
   * @returns ends it
   * @throws SteerdError rate_limit_exceeded when tokens are overspent or as many completions run as may
   */
  beginStream(): () => void {
    const { concurrent_streams: most } = this.limits;
    if (most !== null && this.#streams >= most) throw errors.tooManyStreams(most);
    const bucket = this.#tokens;
    if (bucket !== null && bucket.wait > 0) {
      throw errors.rateLimited('tokens', bucket.perMinute, bucket.wait);
    }
    this.#streams++;
    let ended = false;
    return () => {
      if (!ended) this.#streams--;
      ended = true;
    };
  }

  spendTokens(tokens: number): void {
    this.#tokens?.spend(tokens);
  }

  /** OpenAI's headers (platform.openai.com/docs/guides/rate-limits). */
  headers(): Record<string, string> {
    const headers: Record<string, string> = {};
    for (const [name, bucket] of [
      ['requests', this.#requests],
      ['tokens', this.#tokens],
    ] as const) {
      if (bucket === null) continue;
      headers[`x-ratelimit-limit-${name}`] = String(bucket.perMinute);
      headers[`x-ratelimit-remaining-${name}`] = String(bucket.remaining);
      headers[`x-ratelimit-reset-${name}`] = `${bucket.untilFull.toFixed(3)}s`;
    }
    return headers;
  }
}
