/**
 * What one key has used of its limits on all servers that share a database.
 *
 * Requests: a server spends what it leased of the key's bucket, at most a second's worth and at most half of what is there, and gives back
 * what it did not need. All together never admit more than the limit; up to a second's worth for each server may lie idle for a second.
 * Tokens: they are told every second. What other servers wrote in the last second is not known yet, so by that much more may be begun.
 * Streams: each is agreed upon before it begins. Those of a server that was killed count for 10 s more.
 * While the database is away each server counts for itself, against its share of the limit.
 */
import type { Queries } from '../database/database.js';
import { errors } from '../errors.js';
import { KeyUsage } from './key-usage.js';
import { type LimitState, type Limits, limitHeaders, type Usage } from './usage.js';

/** How old a lease, and what is known of tokens, may be. */
const leaseMilliseconds = 1000;
/** How long a request waits for the database before its server counts for itself, and how long it does so then. */
const answerMilliseconds = 1000;
const alonePause = 1000;
/** How long streams count that nobody says anything of any more. */
const streamSeconds = 10;
const streamBeat = 2_000;

export interface SharedUsageOptions {
  readonly queries: Queries;
  readonly key: string;
  /** This process among those that share the database. */
  readonly server: string;
  readonly limits: Limits;
  /** How many servers share the limits, as far as this one knows. */
  readonly servers: () => number;
}

/** What the database said last of a bucket. */
interface Bucket {
  readonly perMinute: number;
  /** What is there for all, below 0 when overspent. */
  level: number;
  at: number;
  /** Leased and not spent. */
  leased: number;
  /** Spent and not told. */
  spent: number;
}

export class SharedUsage implements Usage {
  readonly #requests: Bucket | null;
  readonly #tokens: Bucket | null;
  readonly #alone: KeyUsage;
  #aloneUntil = 0;
  #streams = 0;
  /** Changes of the streams, one after the other: each tells how many there are. */
  #telling: Promise<unknown> = Promise.resolve();
  #leasing: Promise<void> | null = null;
  #syncing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #beatAt = 0;

  constructor(readonly options: SharedUsageOptions) {
    const { limits } = options;
    this.#requests = bucketOf(limits.requests_per_minute);
    this.#tokens = bucketOf(limits.tokens_per_minute);
    this.#alone = new KeyUsage(shareOf(limits, Math.max(1, options.servers())));
  }

  hasLimits(limits: Limits): boolean {
    const fields = ['requests_per_minute', 'tokens_per_minute', 'concurrent_streams'] as const;
    return fields.every((field) => this.options.limits[field] === limits[field]);
  }

  async takeRequest(): Promise<void> {
    const bucket = this.#requests;
    if (bucket === null) return;
    this.#wake();
    // Others that waited for the same lease may have taken all of it.
    while (bucket.leased < 1) {
      this.#leasing ??= this.#lease(bucket).finally(() => {
        this.#leasing = null;
      });
      if (!(await this.#reached(this.#leasing))) return this.#alone.takeRequest();
      if (bucket.leased < 1 && bucket.level < 1)
        throw errors.rateLimited('requests', bucket.perMinute, waitOf(bucket));
    }
    bucket.leased--;
  }

  async beginStream(): Promise<() => void> {
    const { concurrent_streams: most } = this.options.limits;
    const tokens = this.#tokens;
    if (tokens !== null) {
      this.#wake();
      if (performance.now() - tokens.at > leaseMilliseconds && !(await this.#reached(this.#sync(tokens))))
        return this.#alone.beginStream();
      const wait = waitOf(tokens);
      if (wait > 0) throw errors.rateLimited('tokens', tokens.perMinute, wait);
    }
    if (most === null) return () => {};
    this.#wake();
    const holding = this.#tell(1, most);
    const held = await this.#reached(holding);
    // Away: the share of a server alone counts, and what is told later is how many there are.
    if (!held) return this.#beginAlone(holding);
    if (!(await holding)) throw errors.tooManyStreams(most);
    return this.#endOnce(() => {});
  }

  spendTokens(tokens: number): void {
    if (this.#tokens === null) return;
    this.#tokens.spent += tokens;
    this.#alone.spendTokens(tokens);
    this.#wake();
  }

  headers(): Record<string, string> {
    return limitHeaders({ requests: stateOf(this.#requests), tokens: stateOf(this.#tokens) });
  }

  /** Gives back what is leased and tells what was spent. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await Promise.all([this.#return(), this.#tokens && this.#sync(this.#tokens)]).catch(() => {});
  }

  #beginAlone(holding: Promise<boolean>): () => void {
    // Whatever comes of it later, the stream counts here from now on.
    holding.then(
      (held) => {
        if (!held) this.#streams++;
      },
      () => {},
    );
    try {
      return this.#endOnce(this.#alone.beginStream());
    } catch (error) {
      void this.#tell(-1, 0).catch(() => {});
      throw error;
    }
  }

  #endOnce(also: () => void): () => void {
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      also();
      void this.#tell(-1, this.options.limits.concurrent_streams ?? 0).catch(() => {});
    };
  }

  /**
   * Says that one more stream runs here, or one less.
   * @returns whether that may be; when the database does not answer it is counted, and told by a later beat
   */
  #tell(more: 1 | -1, most: number): Promise<boolean> {
    const telling = this.#telling
      .catch(() => {})
      .then(async () => {
        this.#streams += more;
        if (performance.now() < this.#aloneUntil) throw errors.databaseUnavailable();
        const held = await this.#hold(most);
        if (!held) this.#streams -= more;
        return held;
      });
    this.#telling = telling;
    return telling;
  }

  async #hold(most: number): Promise<boolean> {
    const { queries, key, server } = this.options;
    this.#beatAt = performance.now() + streamBeat;
    const [row] = await queries.query<{ held: boolean }>(
      'SELECT steerd.hold_streams($1, $2, $3, $4, $5) AS held',
      [key, server, Math.max(0, this.#streams), most, streamSeconds],
    );
    return row?.held ?? false;
  }

  async #lease(bucket: Bucket): Promise<void> {
    await this.#ask('requests', bucket, Math.max(1, Math.ceil(bucket.perMinute / 60)));
  }

  #sync(tokens: Bucket): Promise<void> {
    this.#syncing ??= this.#ask('tokens', tokens, 0).finally(() => {
      this.#syncing = null;
    });
    return this.#syncing;
  }

  async #ask(kind: 'requests' | 'tokens', bucket: Bucket, want: number): Promise<void> {
    const { queries, key } = this.options;
    const { spent } = bucket;
    bucket.spent = 0;
    try {
      const [row] = await queries.query<{ granted: number; level: number }>(
        'SELECT granted, level FROM steerd.lease($1, $2, $3, $4, $5)',
        [key, kind, bucket.perMinute, want, spent],
      );
      bucket.leased += row?.granted ?? 0;
      bucket.level = row?.level ?? 0;
      bucket.at = performance.now();
    } catch (error) {
      bucket.spent += spent;
      throw error;
    }
  }

  async #return(): Promise<void> {
    const bucket = this.#requests;
    if (bucket === null || bucket.leased <= 0) return;
    const { leased } = bucket;
    bucket.leased = 0;
    bucket.spent = -leased;
    await this.#ask('requests', bucket, 0);
  }

  /** Whether the database answered; not asked again for a moment when it did not. */
  async #reached(work: Promise<unknown>): Promise<boolean> {
    // Also where nobody waits for it any more.
    work.catch(() => {});
    if (performance.now() < this.#aloneUntil) return false;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), answerMilliseconds);
    });
    const answered = await Promise.race([
      work.then(
        () => true,
        () => false,
      ),
      late,
    ]);
    clearTimeout(timer);
    if (!answered) this.#aloneUntil = performance.now() + alonePause;
    return answered;
  }

  /** While the key is used: tells what was spent, that streams still run, and gives back what lies idle. */
  #wake(): void {
    if (this.#timer !== null) return;
    let idle = 0;
    let before = this.#requests?.leased;
    this.#timer = setInterval(() => {
      const busy = this.#streams > 0 || (this.#tokens?.spent ?? 0) > 0 || this.#requests?.leased !== before;
      idle = busy ? 0 : idle + 1;
      before = this.#requests?.leased;
      if ((this.#tokens?.spent ?? 0) > 0) void this.#sync(this.#tokens as Bucket).catch(() => {});
      if (this.#streams > 0 && performance.now() > this.#beatAt) {
        const most = this.options.limits.concurrent_streams;
        if (most !== null) this.#telling = this.#telling.catch(() => {}).then(() => this.#hold(most));
        this.#telling.catch(() => {});
      }
      if (idle > 0) void this.#return().catch(() => {});
      if (idle < 3 || this.#timer === null) return;
      clearInterval(this.#timer);
      this.#timer = null;
    }, leaseMilliseconds);
    this.#timer.unref();
  }
}

const bucketOf = (perMinute: number | null): Bucket | null =>
  perMinute === null ? null : { perMinute, level: perMinute, at: -Infinity, leased: 0, spent: 0 };

/** What is there for this server to begin with, as of now. */
function levelOf({ perMinute, level, at, spent }: Bucket): number {
  const since = Number.isFinite(at) ? performance.now() - at : 0;
  return Math.min(perMinute, level + (since * perMinute) / 60_000) - spent;
}

const waitOf = (bucket: Bucket): number => Math.max(0, ((1 - levelOf(bucket)) * 60) / bucket.perMinute);

function stateOf(bucket: Bucket | null): LimitState | null {
  if (bucket === null) return null;
  const { perMinute } = bucket;
  const there = Math.min(perMinute, levelOf(bucket) + bucket.leased);
  return {
    perMinute,
    remaining: Math.max(0, Math.floor(there)),
    untilFull: ((perMinute - there) * 60) / perMinute,
  };
}

const share = (limit: number | null, servers: number) =>
  limit === null ? null : Math.max(1, Math.floor(limit / servers));

const shareOf = (limits: Limits, servers: number): Limits => ({
  requests_per_minute: share(limits.requests_per_minute, servers),
  tokens_per_minute: share(limits.tokens_per_minute, servers),
  concurrent_streams: share(limits.concurrent_streams, servers),
});
