/**
 * The one connection that listens for notices, made again whenever it breaks. A notice may be lost (the connection was away,
 * or a pooler dropped it), so everybody who listens also looks by itself: after each new connection, and every few seconds.
 */
import pg from 'pg';
import type { Watcher } from './database.js';

const firstPause = 100;
const longestPause = 2_000;
/** A connection that answers nothing for that long is given up. */
const answerMilliseconds = 5_000;

export interface NoticeLog {
  warn(details: object, message: string): void;
  info(details: object, message: string): void;
}

export class Notices {
  readonly #watchers = new Map<string, Set<Watcher>>();
  #client: pg.Client | null = null;
  #closed = false;
  #pause = firstPause;
  #retry: NodeJS.Timeout | undefined;
  readonly #poll: NodeJS.Timeout;

  /**
   * Connects in the background.
   * @param pollMilliseconds between two looks for what notices missed
   */
  constructor(
    readonly connectionString: string,
    readonly log: NoticeLog,
    pollMilliseconds: number,
  ) {
    this.#poll = setInterval(() => void this.#checkAll(), pollMilliseconds);
    this.#poll.unref();
    void this.#connect();
  }

  get listening(): boolean {
    return this.#client !== null;
  }

  watch(channel: string, watcher: Watcher): () => void {
    const watchers = this.#watchers.get(channel) ?? new Set();
    const isNew = watchers.size === 0;
    watchers.add(watcher);
    this.#watchers.set(channel, watchers);
    if (isNew && this.#client !== null) this.#listen(this.#client, channel).then(watcher.check, () => {});
    return () => void watchers.delete(watcher);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#retry);
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => {});
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.connectionString,
      connectionTimeoutMillis: answerMilliseconds,
      query_timeout: answerMilliseconds,
      keepAlive: true,
      application_name: `steerd ${process.pid} listens`,
    });
    let lost = false;
    const lose = (error: Error) => {
      if (lost) return;
      lost = true;
      this.#lose(client, error);
    };
    client.on('error', lose);
    client.on('end', () => lose(new Error('the connection ended')));
    client.on('notification', ({ channel, payload = '' }) => {
      for (const { notice } of this.#watchers.get(channel) ?? []) notice?.(payload);
    });
    try {
      await client.connect();
      for (const channel of this.#watchers.keys()) await this.#listen(client, channel);
    } catch (error) {
      return lose(error as Error);
    }
    if (lost || this.#closed) return void client.end().catch(() => {});
    this.#client = client;
    if (this.#pause > firstPause) this.log.info({}, 'database is there again');
    this.#pause = firstPause;
    // A channel that was added while this connected is not listened to yet: LISTEN twice does no harm.
    for (const channel of this.#watchers.keys()) await this.#listen(client, channel).catch(() => {});
    this.#watchAll();
  }

  #listen(client: pg.Client, channel: string): Promise<unknown> {
    return client.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
  }

  #lose(client: pg.Client, error: Error): void {
    if (this.#client === client) this.#client = null;
    // Not waited for: a connection whose other end is gone may never end.
    client.end().catch(() => {});
    if (this.#closed) return;
    if (this.#pause === firstPause)
      this.log.warn({ reason: error.message }, 'database lost; trying to reach it again');
    this.#retry = setTimeout(() => void this.#connect(), this.#pause);
    this.#retry.unref();
    this.#pause = Math.min(longestPause, this.#pause * 2);
  }

  /** Also finds a connection that is dead without having said so. */
  async #checkAll(): Promise<void> {
    const client = this.#client;
    if (client !== null) {
      await client.query('SELECT 1').catch((error: Error) => client.emit('error', error));
    }
    this.#watchAll();
  }

  #watchAll(): void {
    for (const watchers of this.#watchers.values()) for (const { check } of watchers) check();
  }
}
