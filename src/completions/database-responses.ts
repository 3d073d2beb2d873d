/**
 * Responses in the database that servers share: the next request finds what it refers to whichever server it reaches. Bounded for each
 * owner in number and size, where each server may be over by a fiftieth for a while; for all together, and in age, by a sweep each minute.
 * Those used longest ago give way. While the database is away nothing is found, which is said, and nothing kept, which the answer says.
 */
import { settlesWithin, within } from '../common/bounded-wait.js';
import type { Database } from '../database/database.js';
import { errors, isDatabaseAway } from '../errors.js';
import type { ResponseObject } from '../schemas/responses.js';
import {
  type ConversationItem,
  idOf,
  itemsOf,
  type OwnResponses,
  type ResponseKeeping,
  type StoredResponse,
  usualCharacters,
} from './response-store.js';

export interface ResponseBounds {
  /** Of each owner; 0 keeps none. */
  readonly responses: number;
  /** Of each owner: of their JSON, a conversation whole with each of its responses. */
  readonly characters: number;
  /** So many times what one owner may have is kept of all. */
  readonly owners: number;
  /** Since they were used last. */
  readonly days: number;
}

export const usualBounds: Omit<ResponseBounds, 'responses'> = {
  characters: usualCharacters,
  owners: 20,
  days: 30,
};

interface DatabaseResponsesOptions {
  readonly database: Pick<Database, 'query' | 'transaction'>;
  readonly bounds: ResponseBounds;
  readonly log: {
    warn(details: object, message: string): void;
  };
}

const sweepMilliseconds = 60_000;
/** An answer that is complete waits no longer for being kept. */
const putMilliseconds = 5_000;
/** A server that ends waits no longer for a sweep. */
const lastMilliseconds = 5_000;
/** What is beyond an owner's bounds is looked for once this part of them was put: to look reads all rows of the owner. */
const slack = 1 / 50;

/** Ids that may be referred to: what else stands in an item's `id` is never asked for. */
const isId = (id: string | undefined): id is string => id !== undefined && /^[\x20-\x7e]{1,200}$/.test(id);

interface Row {
  readonly response: string;
  readonly conversation: string;
}

/** What is outdated by its place among an owner's, or among all: newest first, ids decide between equals. */
const ranked = (owned: string) =>
  `SELECT owner, id, used_at, row_number() OVER newest AS place, sum(characters) OVER newest AS characters
   FROM steerd.responses ${owned} WINDOW newest AS (ORDER BY used_at DESC, owner, id)`;

/** Two servers that delete the same wait for nobody: what one has begun with the other leaves to it. */
const deleteOf = (outdated: string) =>
  `WITH outdated AS (${outdated}), gone AS (
     SELECT r.owner, r.id FROM steerd.responses r JOIN outdated o ON o.owner = r.owner AND o.id = r.id
     FOR UPDATE OF r SKIP LOCKED)
   DELETE FROM steerd.responses r USING gone WHERE r.owner = gone.owner AND r.id = gone.id`;

const sql = {
  insert: `INSERT INTO steerd.responses (owner, id, response, conversation, items, characters)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (owner, id) DO UPDATE
    SET response = excluded.response, conversation = excluded.conversation, items = excluded.items,
      characters = excluded.characters, used_at = excluded.used_at`,
  use: `UPDATE steerd.responses SET used_at = now()
    WHERE owner = $1 AND id = $2 AND used_at > now() - make_interval(days => $3) RETURNING response, conversation`,
  having: `SELECT id, items FROM steerd.responses
    WHERE owner = $1 AND items && $2 AND used_at > now() - make_interval(days => $3) ORDER BY used_at DESC`,
  remove: `DELETE FROM steerd.responses
    WHERE owner = $1 AND id = $2 RETURNING used_at > now() - make_interval(days => $3) AS there`,
  trim: deleteOf(
    `SELECT owner, id FROM (${ranked('WHERE owner = $1')}) own WHERE place > $2 OR characters > $3`,
  ),
  lock: "SELECT pg_try_advisory_xact_lock(hashtext('steerd.responses')) AS free",
  sweep: deleteOf(
    `SELECT owner, id FROM (${ranked('')}) own
     WHERE place > $1 OR characters > $2 OR used_at < now() - make_interval(days => $3)`,
  ),
};

/** What an owner put on this server since what is beyond its bounds was looked for. */
interface Put {
  readonly responses: number;
  readonly characters: number;
}

export class DatabaseResponses implements ResponseKeeping {
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> = Promise.resolve();
  /** By owner; forgotten at each sweep, so that it stays small. */
  readonly #since = new Map<string, Put>();

  constructor(private readonly options: DatabaseResponsesOptions) {}

  of(owner: string): OwnResponses {
    return {
      keeps: this.options.bounds.responses > 0,
      get: (id) => this.#use(owner, id),
      items: (ids) => this.#items(owner, ids),
      put: (stored) => this.#put(owner, stored),
      delete: (id) => this.#delete(owner, id),
    };
  }

  /** Sweeps each minute from now on, where any are kept. For servers alone: what a worker is set to bounds nobody's. */
  keepBounds(): void {
    if (this.options.bounds.responses > 0)
      this.#timer ??= setInterval(() => void this.sweep(), sweepMilliseconds).unref();
  }

  /** Deletes what is beyond the bounds of all owners together, and what is too old, unless another server is doing that just now. */
  sweep(): Promise<void> {
    const { database, bounds, log } = this.options;
    const most = [bounds.responses * bounds.owners, bounds.characters * bounds.owners, bounds.days];
    const deleteAlone = () =>
      database.transaction(async (queries) => {
        const [lock] = await queries.query<{ free: boolean }>(sql.lock);
        if (lock?.free) await queries.query(sql.sweep, most);
      });
    this.#since.clear();
    // The next one finds what this one left.
    this.#sweeping = this.#sweeping.then(deleteAlone).catch((error: unknown) => {
      if (!isDatabaseAway(error)) log.warn({ err: error }, 'responses kept beyond their bounds not deleted');
    });
    return this.#sweeping;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await settlesWithin(this.#sweeping, lastMilliseconds);
  }

  async #use(owner: string, id: string): Promise<StoredResponse | undefined> {
    const { database, bounds } = this.options;
    if (!isId(id)) return undefined;
    const [row] = await database.query<Row>(sql.use, [owner, id, bounds.days]);
    return row && storedOf(row);
  }

  /** The newest conversation has most of them: as few are read as have all. */
  async #items(owner: string, ids: readonly string[]): Promise<ReadonlyMap<string, ConversationItem>> {
    const { database, bounds } = this.options;
    const found = new Map<string, ConversationItem>();
    const wanted = new Set(ids.filter(isId));
    if (wanted.size === 0) return found;
    const asked = [owner, [...wanted], bounds.days];
    const having = await database.query<{ id: string; items: string[] }>(sql.having, asked);
    for (const { id, items } of having) {
      if (!items.some((item) => wanted.has(item))) continue;
      const stored = await this.#use(owner, id);
      if (stored === undefined) continue;
      for (const item of itemsOf(stored)) {
        const name = idOf(item);
        if (name !== undefined && wanted.delete(name)) found.set(name, item);
      }
      if (wanted.size === 0) break;
    }
    return found;
  }

  async #put(owner: string, { response, conversation }: StoredResponse): Promise<boolean> {
    const { database, bounds, log } = this.options;
    const texts = [JSON.stringify(response), JSON.stringify(conversation)];
    const characters = texts.reduce((sum, { length }) => sum + length, 0);
    if (bounds.responses === 0 || characters > bounds.characters) return false;
    const items = new Set(itemsOf({ response, conversation }).map(idOf).filter(isId));
    const writing = database.query(sql.insert, [owner, response.id, ...texts, [...items], characters]);
    try {
      const late = () => errors.databaseUnavailable();
      await within(() => writing, { milliseconds: putMilliseconds, late, signals: [] });
    } catch (error) {
      log.warn({ response: response.id, reason: (error as Error).message }, 'response not kept');
      // It may be written all the same, late or by a statement whose answer was lost. Where that cannot be undone, the bounds take it.
      const undo = () => database.query(sql.remove, [owner, response.id, bounds.days]);
      void writing.then(undo, undo).catch(() => {});
      return false;
    }
    await settlesWithin(this.#trim(owner, characters), putMilliseconds);
    return true;
  }

  /** Deletes what is beyond an owner's bounds, once enough was put. Nothing is lost where that fails: the next one finds it. */
  async #trim(owner: string, characters: number): Promise<void> {
    const { database, bounds, log } = this.options;
    const before = this.#since.get(owner);
    const since = {
      responses: (before?.responses ?? 0) + 1,
      characters: (before?.characters ?? 0) + characters,
    };
    const few = since.responses < bounds.responses * slack && since.characters < bounds.characters * slack;
    // The first one is always looked at: another server, or this one before its start, may have put any number.
    const waits = before !== undefined && few;
    this.#since.set(owner, waits ? since : { responses: 0, characters: 0 });
    if (waits) return;
    await database.query(sql.trim, [owner, bounds.responses, bounds.characters]).catch((error: unknown) => {
      if (!isDatabaseAway(error))
        log.warn({ err: error }, "responses kept beyond their owner's bounds not deleted");
    });
  }

  async #delete(owner: string, id: string): Promise<boolean> {
    const { database, bounds } = this.options;
    if (!isId(id)) return false;
    const [row] = await database.query<{ there: boolean }>(sql.remove, [owner, id, bounds.days]);
    return row?.there ?? false;
  }
}

/** As `put` wrote it, or a server of another version: it was an answer of the same API. */
const storedOf = ({ response, conversation }: Row): StoredResponse => ({
  response: JSON.parse(response) as ResponseObject,
  conversation: JSON.parse(conversation) as ConversationItem[],
});
