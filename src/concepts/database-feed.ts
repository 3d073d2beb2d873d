/**
 * Keeps the index of names as the database has it: all of them at the start, then what changed after the last revision seen, whenever a
 * notice says so and every few seconds. What was missed while the database was away comes with the next look.
 */
import type { Database } from '../database/database.js';
import type { ConceptIndex } from './concept-index.js';
import { conceptKey } from './concept-key.js';
import type { ConceptQuota } from './concept-quota.js';
import { conceptChannel, conceptState, type HeadRow, headsAfter } from './database-rows.js';

export class DatabaseFeed {
  /** What each name means, deleted ones too, by key. */
  readonly #heads = new Map<string, HeadRow>();
  #seen = -1;
  #pulling: Promise<void> | null = null;
  #again = false;
  #stop = () => {};
  /** Hears which versions came up after the start. */
  onVersion: (version: string) => void = () => {};

  constructor(
    readonly database: Database,
    readonly index: ConceptIndex,
    readonly log: { error(details: object, message: string): void } = { error() {} },
  ) {}

  /** @throws SteerdError database_unavailable */
  async open(): Promise<void> {
    await this.#pullOnce();
    this.#stop = this.database.watch(conceptChannel, {
      notice: (revision) => {
        if (!(Number(revision) <= this.#seen)) this.#pullSoon();
      },
      check: () => this.#pullSoon(),
    });
  }

  close(): void {
    this.#stop();
  }

  heads(): Iterable<HeadRow> {
    return this.#heads.values();
  }

  /** What all concepts but one take, as far as this server knows. */
  taken(model: string, name: string): ConceptQuota {
    const own = conceptKey(model, name);
    let [concepts, bytes] = [0, 0];
    for (const [key, row] of this.#heads) {
      if (row.version === null || key === own) continue;
      concepts++;
      bytes += row.bytes;
    }
    return { concepts, bytes };
  }

  madeBy(owner: string): number {
    let made = 0;
    for (const row of this.#heads.values()) if (row.version !== null && row.owner === owner) made++;
    return made;
  }

  /** Takes in a row, unless a later one of its name is known. */
  apply(row: HeadRow): void {
    const { model, name, version, bytes, changed } = row;
    const key = conceptKey(model, name);
    const known = this.#heads.get(key);
    if (known !== undefined && known.revision > row.revision) return;
    this.#heads.set(key, row);
    if (version === null) this.index.delete(model, name);
    else this.index.set({ model, name, version, bytes, source: 'data', createdAt: changed });
  }

  /** Everything that was committed before this was called is known when it resolves. @throws SteerdError database_unavailable */
  async pull(): Promise<void> {
    // One that runs already may have asked before.
    await this.#pulling?.catch(() => {});
    await (this.#pulling ?? this.#start());
  }

  #pullSoon(): void {
    if (this.#pulling !== null) this.#again = true;
    else
      this.#start().catch((error: Error) => {
        // The database is away: the next look finds what this one did not.
        if (!('code' in error) || error.code !== 'database_unavailable')
          this.log.error({ err: error }, 'concepts not followed');
      });
  }

  #start(): Promise<void> {
    const pulling = this.#pullOnce().finally(() => {
      this.#pulling = null;
      if (!this.#again) return;
      this.#again = false;
      this.#pullSoon();
    });
    this.#pulling = pulling;
    return pulling;
  }

  async #pullOnce(): Promise<void> {
    const { revision, forgotten } = await conceptState(this.database);
    // Names may be gone without a trace, or the database is an older one, from a backup.
    const whole = this.#seen < forgotten || revision < this.#seen;
    if (!whole && revision === this.#seen) return;
    const first = this.#seen < 0;
    const rows = await headsAfter(this.database, whole ? -1 : this.#seen);
    const read = Math.max(revision, rows.at(-1)?.revision ?? 0);
    if (whole) {
      // What this server changed since the rows were read; of a database that is an older one nothing is newer.
      const later =
        revision < this.#seen ? [] : [...this.#heads.values()].filter((row) => row.revision > read);
      this.#heads.clear();
      this.index.clear();
      for (const row of later) this.apply(row);
    }
    for (const row of rows) {
      this.apply(row);
      if (!first && row.version !== null) this.onVersion(row.version);
    }
    this.#seen = read;
  }
}
