/** What a key has used, on a server alone, of its rate limits and of the completions it may run at once. */
import { errors } from '../errors.js';
import { TokenBucket } from './token-bucket.js';
import { type LimitState, type Limits, limitHeaders, type Usage } from './usage.js';

const bucketOf = (perMinute: number | null) => (perMinute === null ? null : new TokenBucket(perMinute));

export class KeyUsage implements Usage {
  readonly #requests: TokenBucket | null;
  readonly #tokens: TokenBucket | null;
  #streams = 0;

  constructor(readonly limits: Limits) {
    this.#requests = bucketOf(limits.requests_per_minute);
    this.#tokens = bucketOf(limits.tokens_per_minute);
  }

  hasLimits(limits: Limits): boolean {
    const fields = ['requests_per_minute', 'tokens_per_minute', 'concurrent_streams'] as const;
    return fields.every((field) => this.limits[field] === limits[field]);
  }

  get streams(): number {
    return this.#streams;
  }

  takeRequest(): void {
    const bucket = this.#requests;
    if (bucket === null) return;
    if (bucket.wait > 0) throw errors.rateLimited('requests', bucket.perMinute, bucket.wait);
    bucket.spend(1);
  }

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

  headers(): Record<string, string> {
    return limitHeaders({ requests: stateOf(this.#requests), tokens: stateOf(this.#tokens) });
  }
}

const stateOf = (bucket: TokenBucket | null): LimitState | null =>
  bucket && { perMinute: bucket.perMinute, remaining: bucket.remaining, untilFull: bucket.untilFull };
