/**
 * Where runs that are jobs leave what they finish: in a folder of the data directory, as the command does, or in a database, where
 * whichever server goes on with one finds it.
 */
import { join } from 'node:path';
import { makeFolderDurably } from '../common/durable-file.js';
import type { BenchmarkRun } from '../schemas/benchmarks.js';
import { readRun } from './record-file.js';
import type { BenchRecord, Run } from './records.js';
import { BenchmarkRuns } from './watch.js';

/** A run that this process works on. */
export interface OpenRun {
  /** With everything in it that was finished before; this process works in it. */
  readonly folder: string;
  /** The head is in the folder. */
  started(run: Run, signal: AbortSignal): Promise<void>;
  /** Records are in the folder: when it resolves they are kept. */
  add(records: readonly BenchRecord[], signal: AbortSignal): Promise<void>;
  /** This process is done with it, at its end or before. */
  close(): Promise<void>;
}

export interface RunKeeping {
  /** Newest first; `job` is null in all of them. */
  list(): Promise<BenchmarkRun[]>;
  get(id: string): Promise<BenchmarkRun | undefined>;
  /** What decided its cells; null where there is no such run. */
  head(id: string): Promise<Run | null>;
  /** Does something with the folder of a run. @throws SteerdError benchmark_not_found; what `use` throws */
  withFolder<Result>(id: string, use: (folder: string) => Promise<Result>): Promise<Result>;
  /** Begins to work on a run, new or not. */
  open(id: string, signal: AbortSignal): Promise<OpenRun>;
  delete(id: string): Promise<void>;
}

/** Runs in a folder of runs. */
export class FolderRuns implements RunKeeping {
  readonly #runs: BenchmarkRuns;

  /** @param root that runs are folders of; it need not be there. Null for none, where nothing can be begun */
  constructor(private readonly root: string | null) {
    this.#runs = new BenchmarkRuns(root);
  }

  list(): Promise<BenchmarkRun[]> {
    return this.#runs.list();
  }

  get(id: string): Promise<BenchmarkRun | undefined> {
    return this.#runs.get(id);
  }

  async head(id: string): Promise<Run | null> {
    const isThere = (await this.#runs.get(id)) !== undefined;
    return isThere ? readRun(await this.#runs.placeOf(id)) : null;
  }

  async withFolder<Result>(id: string, use: (folder: string) => Promise<Result>): Promise<Result> {
    return use(await this.#runs.placeOf(id));
  }

  async open(id: string): Promise<OpenRun> {
    if (this.root === null) throw new Error('there is no data directory');
    const folder = join(this.root, id);
    await makeFolderDurably(folder);
    return { folder, async started() {}, async add() {}, async close() {} };
  }

  delete(id: string): Promise<void> {
    return this.#runs.delete(id);
  }
}
