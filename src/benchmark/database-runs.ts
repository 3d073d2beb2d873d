/**
 * Runs in the database that servers share: head, records and how far each is. Whoever works on one has its records in a folder of its
 * own as well, which is made of the database's when it begins and is gone when it ends. Of two servers that made the same cell, one
 * that fell silent and one that took over, the first counts.
 */
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolderDurably } from '../common/durable-file.js';
import type { Database, Queries } from '../database/database.js';
import { whenThere } from '../jobs/patience.js';
import type { BenchmarkRun } from '../schemas/benchmarks.js';
import { validated } from '../schemas/validation.js';
import { aboutOf, type BenchRecord, Run, recordsFile, runFile } from './records.js';
import type { OpenRun, RunKeeping } from './run-keeping.js';
import { BenchmarkRuns } from './watch.js';

/** Records that are read at once: some megabytes at most. */
const page = 1000;
/** Others are told how far a run is this often at most: milliseconds. */
const tellEvery = 2000;

export class DatabaseRuns implements RunKeeping {
  readonly #open = new Map<string, string>();

  /**
   * @param root a folder of this process's alone, for copies
   * @param own runs of the command in this server's data directory, which others do not see
   */
  constructor(
    private readonly database: Database,
    private readonly root: string,
    private readonly own: RunKeeping,
  ) {}

  async list(): Promise<BenchmarkRun[]> {
    const rows = await this.database.query<{ told: BenchmarkRun }>(
      'SELECT told FROM steerd.benchmark_runs ORDER BY created_at DESC',
    );
    const names = new Set(rows.map(({ told }) => told.id));
    const own = (await this.own.list()).filter(({ id }) => !names.has(id));
    return [...rows.map(({ told }) => settled(told)), ...own].sort((a, b) => b.started_at - a.started_at);
  }

  async get(id: string): Promise<BenchmarkRun | undefined> {
    const [row] = await this.database.query<{ told: BenchmarkRun }>(
      'SELECT told FROM steerd.benchmark_runs WHERE name = $1',
      [id],
    );
    return row === undefined ? this.own.get(id) : settled(row.told);
  }

  async head(id: string): Promise<Run | null> {
    const head = await this.#head(id);
    return head === null ? null : validated(Run, JSON.parse(head));
  }

  async withFolder<Result>(id: string, use: (folder: string) => Promise<Result>): Promise<Result> {
    const open = this.#open.get(id);
    if (open !== undefined) return use(open);
    const head = await this.#head(id);
    if (head === null) return this.own.withFolder(id, use);
    await makeFolderDurably(this.root);
    const folder = await mkdtemp(join(this.root, '.report-'));
    try {
      await this.#copy(id, head, folder);
      return await use(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async open(id: string, signal: AbortSignal): Promise<OpenRun> {
    const { database } = this;
    const folder = join(this.root, id);
    // Of a process that was killed here: the database has what counts.
    await rm(folder, { recursive: true, force: true });
    await makeFolderDurably(folder);
    await whenThere(async () => {
      const head = await this.#head(id);
      if (head !== null) await this.#copy(id, head, folder);
    }, signal);
    this.#open.set(id, folder);
    const local = new BenchmarkRuns(this.root);
    let told = 0;
    const tell = async (runs = local) => {
      const run = await runs.get(id);
      if (run === undefined) return;
      const sql = 'UPDATE steerd.benchmark_runs SET told = $2 WHERE name = $1';
      await database.query(sql, [id, JSON.stringify(run)]);
    };
    return {
      folder,
      async started(run, stop) {
        const now = await local.get(id);
        await whenThere(
          () =>
            database.query(
              `INSERT INTO steerd.benchmark_runs (name, head, told) VALUES ($1, $2, $3)
               ON CONFLICT (name) DO UPDATE SET head = excluded.head, told = excluded.told`,
              [id, JSON.stringify(run), JSON.stringify(now)],
            ),
          stop,
        );
      },
      async add(records, stop) {
        await whenThere(() => insert(database, id, records), stop);
        if (performance.now() - told < tellEvery) return;
        told = performance.now();
        // The next ones tell it as well.
        await tell().catch(() => {});
      },
      close: async () => {
        // Read once more, whatever was read a moment ago: nobody else tells its end.
        await tell(new BenchmarkRuns(this.root)).catch(() => {});
        this.#open.delete(id);
        await rm(folder, { recursive: true, force: true });
      },
    };
  }

  async delete(id: string): Promise<void> {
    await this.database.query('DELETE FROM steerd.benchmark_runs WHERE name = $1', [id]);
    await this.own.delete(id);
  }

  async #head(id: string): Promise<string | null> {
    const [row] = await this.database.query<{ head: string }>(
      'SELECT head FROM steerd.benchmark_runs WHERE name = $1',
      [id],
    );
    return row?.head ?? null;
  }

  async #copy(id: string, head: string, folder: string): Promise<void> {
    await writeFile(join(folder, recordsFile), '');
    for (let last = '0'; ; ) {
      const rows = await this.database.query<{ number: string; record: string }>(
        `SELECT number, record FROM steerd.benchmark_records WHERE run = $1 AND number > $2 ORDER BY number LIMIT ${page}`,
        [id, last],
      );
      await appendFile(join(folder, recordsFile), rows.map(({ record }) => `${record}\n`).join(''));
      if (rows.length < page) break;
      last = rows.at(-1)?.number ?? last;
    }
    // Last: a folder without it is no run.
    await writeFile(join(folder, runFile), head);
  }
}

/** Whether somebody works on it only its job knows: who told this may have been killed since. */
const settled = (run: BenchmarkRun): BenchmarkRun =>
  run.state === 'running' ? { ...run, state: 'stopped' } : run;

const insert = (queries: Queries, run: string, records: readonly BenchRecord[]) =>
  queries.query(
    `INSERT INTO steerd.benchmark_records (run, about, record)
     SELECT $1, one.about, one.record FROM unnest($2::text[], $3::text[]) AS one (about, record) ON CONFLICT DO NOTHING`,
    [run, records.map(aboutOf), records.map((record) => JSON.stringify(record))],
  );
