/**
 * The runs in a folder of runs, as others see them: read again when their records have grown, and never written. A run is what
 * `steerd bench concepts --out FOLDER/NAME` makes there.
 */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errors } from '../errors.js';
import { type BenchmarkRun, isRunName } from '../schemas/benchmarks.js';
import { bootstrapMean } from './bootstrap.js';
import { keyOf } from './concepts.js';
import { Cells, isFixed } from './plan.js';
import { readRecords, readRun } from './record-file.js';
import { type Run, recordsFile, runFile } from './records.js';
import { isRunLocked } from './run-lock.js';
import { builtIn } from './summary.js';
import { groupKey, Tally } from './tally.js';

/** A run that grows is read again after that many times what reading it took. */
const restAfterReading = 20;

interface Seen {
  readonly size: number;
  /** Until when it is new enough: milliseconds of the process's clock. */
  readonly until: number;
  readonly read: Omit<BenchmarkRun, 'id' | 'state' | 'job'>;
}

export class BenchmarkRuns {
  readonly #seen = new Map<string, Seen>();

  /** @param folder that runs are folders of; it need not be there. Null for none */
  constructor(private readonly folder: string | null) {}

  /** Newest first. Folders that are no run are left out. */
  async list(): Promise<BenchmarkRun[]> {
    const names = this.folder === null ? [] : await readdir(this.folder).catch(() => []);
    const runs = await Promise.all(names.map((name) => this.#of(name).catch(() => null)));
    return runs.filter((run) => run !== null).sort((a, b) => b.started_at - a.started_at);
  }

  /** Undefined for what is no run. */
  async get(id: string): Promise<BenchmarkRun | undefined> {
    return (await this.#of(id)) ?? undefined;
  }

  /** Deletes a run that is nobody's just now, if it is there. */
  async delete(id: string): Promise<void> {
    const folder = this.#folderOf(id);
    this.#seen.delete(id);
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  }

  /** Where a run is. @throws SteerdError benchmark_not_found */
  async placeOf(id: string): Promise<string> {
    const folder = this.#folderOf(id);
    const isRun = folder !== null && (await stat(join(folder, runFile)).catch(() => null)) !== null;
    if (!isRun) throw errors.benchmarkNotFound(id);
    return folder;
  }

  /** Null for a name that leads elsewhere. */
  #folderOf(id: string): string | null {
    if (this.folder === null) return null;
    return isRunName(id) ? join(this.folder, id) : null;
  }

  async #of(id: string): Promise<BenchmarkRun | null> {
    const folder = this.#folderOf(id);
    if (folder === null) return null;
    const head = await stat(join(folder, runFile)).catch(() => null);
    if (head === null) return null;
    const size = (await stat(join(folder, recordsFile)).catch(() => null))?.size ?? 0;
    const isHeld = await isRunLocked(folder);
    let seen = this.#seen.get(id);
    const started = performance.now();
    // What nobody works on grows no more: its end is told whole.
    if (seen === undefined || (seen.size !== size && (started >= seen.until || !isHeld))) {
      const run = await readRun(folder);
      if (run === null) return null;
      const read = await readNow(run, folder);
      const now = performance.now();
      seen = { size, read, until: now + restAfterReading * (now - started) };
      this.#seen.set(id, seen);
    }
    const { read } = seen;
    const isDone = [read.fits, read.answers, read.judgements].every(({ done, total }) => done >= total);
    return { id, state: isDone ? 'done' : isHeld ? 'running' : 'stopped', ...read, job: null };
  }
}

async function readNow(run: Run, folder: string): Promise<Seen['read']> {
  const tally = new Tally();
  for await (const record of readRecords(folder)) tally.add(record);
  let answers = 0;
  for (const group of tally.groups.values()) answers += group.answers;
  const { total } = new Cells(run);
  const failed = [...tally.fits.values()].filter(({ error }) => error !== null);
  // Answers that a failed fit keeps from being made are done with.
  const missing = failed.reduce(
    (sum, { concept, class: className }) => sum + cellsOf(run, concept, className),
    0,
  );
  const asked = total - missing;
  return {
    object: 'benchmark',
    model: run.model.id,
    started_at: run.started_at,
    concepts: run.concepts.length,
    classes: [...new Set(run.concepts.map((concept) => concept.class))],
    variants: run.variants.map(({ id }) => id),
    fits: {
      done: tally.fits.size,
      total: run.concepts.length * run.variants.length,
      failed: failed.length,
    },
    answers: { done: answers, total: asked },
    judgements: {
      done: [...tally.use.values()].reduce((sum, { judgements }) => sum + judgements, 0),
      total: asked * (run.options.judge?.scores.length ?? 0),
    },
    success: successOf(run, tally),
  };
}

/** At strength 1, of all classes: what the summary says of it, without its other figures, which take seconds. */
function successOf(run: Run, tally: Tally): BenchmarkRun['success'] {
  const fixed = run.points.find(isFixed) ?? null;
  const ways = [
    { variant: 'plain', key: (concept: string) => groupKey(concept, 'plain', null, null) },
    { variant: 'told', key: (concept: string) => groupKey(concept, 'told', null, null) },
    ...run.variants.map(({ id }) => ({
      variant: id,
      key: (concept: string) => groupKey(concept, 'steered', id, fixed),
    })),
  ];
  return [builtIn, ...[...tally.use.keys()].sort()].flatMap((judge) =>
    ways.flatMap(({ variant, key }) => {
      const values = run.concepts.flatMap((concept) => {
        const group = tally.groups.get(key(keyOf(concept)));
        return (judge === builtIn ? group?.success.value : group?.judges.get(judge)?.success.value) ?? [];
      });
      const estimate = bootstrapMean(values, run.options.seed);
      if (estimate === null) return [];
      const { mean, low, high, n } = estimate;
      return [{ judge, variant, mean, low, high, concepts: n }];
    }),
  );
}

/** Steered answers of one concept in one variant. */
function cellsOf(run: Run, name: string, className: string): number {
  const concept = run.concepts.find((one) => one.name === name && one.class === className);
  if (concept === undefined) return 0;
  return new Cells(run).prompts(concept).length * run.options.seeds.length * run.points.length;
}
