/**
 * Two stores of concepts brought to the same: what only one has, or has newer, goes to the other, with the versions between. Which is newer
 * is told by their histories, never by clocks; where neither knows the other's version it is a conflict, which nobody but a person decides.
 */
import { errors, SteerdError } from '../errors.js';
import type { ConceptLibrary } from './concept-lookup.js';
import type { ConceptEntry } from './stored-concept.js';

type Library = Pick<ConceptLibrary, 'list' | 'versions' | 'load' | 'put'>;

export type SyncSide = 'directory' | 'database';

export interface SyncStep {
  readonly model: string;
  readonly name: string;
  /**
   * `same`; `copy` to the side `to`, which has none or an earlier one; `conflict`; `deleted` on the side `to`, after it had this version;
   * `behind`: the other side's is newer, and only the side `to` may change.
   */
  readonly what: 'same' | 'copy' | 'conflict' | 'deleted' | 'behind';
  readonly to: SyncSide | null;
  /** What each side has now. */
  readonly versions: Readonly<Record<SyncSide, string | null>>;
  /** To be stored at `to`, oldest first. */
  readonly copies: readonly string[];
}

export interface SyncOptions {
  /** The only side that may change; both without. */
  readonly to?: SyncSide;
  /** Whether conflicts and deletes are overruled by the other side than `to`, which has to be given. */
  readonly force?: boolean;
}

const other = (side: SyncSide): SyncSide => (side === 'database' ? 'directory' : 'database');

/** What there is to do, by model and name. @throws SteerdError storage_failed, database_unavailable */
export async function planSync(
  stores: Readonly<Record<SyncSide, Library>>,
  options: SyncOptions = {},
): Promise<SyncStep[]> {
  const names = new Map<string, { [Side in SyncSide]?: ConceptEntry } & { entry: ConceptEntry }>();
  for (const side of ['directory', 'database'] as const) {
    for (const entry of stores[side].list().filter(({ source }) => source === 'data')) {
      const key = `${entry.model}\0${entry.name}`;
      names.set(key, { ...(names.get(key) ?? { entry }), [side]: entry });
    }
  }
  const steps: SyncStep[] = [];
  for (const { entry, directory, database } of names.values()) {
    const { model, name } = entry;
    const versions = { directory: directory?.version ?? null, database: database?.version ?? null };
    steps.push({ model, name, versions, ...(await decide(stores, { model, name, versions }, options)) });
  }
  return steps;
}

type Decision = Pick<SyncStep, 'what' | 'to' | 'copies'>;

async function decide(
  stores: Readonly<Record<SyncSide, Library>>,
  { model, name, versions }: Pick<SyncStep, 'model' | 'name' | 'versions'>,
  { to, force = false }: SyncOptions,
): Promise<Decision> {
  const none = { to: null, copies: [] } as const;
  if (versions.directory === versions.database) return { what: 'same', ...none };
  const oldestFirst = async (side: SyncSide) =>
    (await stores[side].versions(model, name))
      .filter(({ source }) => source === 'data')
      .map(({ version }) => version)
      .reverse();
  const histories = { directory: await oldestFirst('directory'), database: await oldestFirst('database') };
  const knows = (side: SyncSide) => histories[side].includes(versions[other(side)] ?? '');
  const older = olderOf(versions, histories);
  const forced = force && to !== undefined && versions[other(to)] !== null;
  if (older === null) {
    return forced
      ? { what: 'copy', to, copies: [versions[other(to)] as string] }
      : { what: 'conflict', ...none };
  }
  if (to !== undefined && older !== to && !forced) return { what: 'behind', to: older, copies: [] };
  const target = forced ? to : older;
  const wanted = versions[other(target)] as string;
  if (target !== older) return { what: 'copy', to: target, copies: [wanted] };
  // It had that version and has nothing now: somebody deleted it there.
  if (versions[target] === null && knows(target) && !forced)
    return { what: 'deleted', to: target, copies: [] };
  const source = histories[other(target)];
  const common = versions[target] === null ? -1 : source.lastIndexOf(versions[target]);
  return { what: 'copy', to: target, copies: source.slice(common + 1) };
}

/** The side that is to have what the other has; null where that cannot be told. */
function olderOf(
  versions: SyncStep['versions'],
  { directory, database }: Readonly<Record<SyncSide, readonly string[]>>,
): SyncSide | null {
  if (versions.directory === null) return 'directory';
  if (versions.database === null) return 'database';
  const byDirectory = agreed(directory, database);
  const byDatabase = agreed(database, directory);
  if (byDirectory === byDatabase) return null;
  return byDirectory > byDatabase ? 'database' : 'directory';
}

/**
 * Of how many versions in a row, up to what `other` ends with, a history that goes on after it agrees with `other`; 0 where it does not
 * know that end. After going back to an earlier version both sides know the other's, and the longer agreement tells which went on.
 */
function agreed(history: readonly string[], other: readonly string[]): number {
  let most = 0;
  for (let at = 0; at < history.length - 1; at++) {
    let count = 0;
    while (count <= at && count < other.length && history[at - count] === other[other.length - 1 - count])
      count++;
    most = Math.max(most, count);
  }
  return most;
}

/** Does one step. Later versions are stored after earlier ones: cut off between, the next sync goes on from there. */
export async function applySync(
  stores: Readonly<Record<SyncSide, Library>>,
  { model, name, to, copies }: SyncStep,
  signal?: AbortSignal,
): Promise<void> {
  if (to === null) return;
  for (const version of copies) {
    const stored = await stores[other(to)].load(model, `${name}@${version}`);
    if (stored === undefined) throw errors.conceptVersionNotFound(name, model, version, [], 'name');
    await stores[to].put(stored.concept, signal);
  }
}

/** In words, for a step that could not be done. @throws what is no error of ours */
export function whyNot(error: unknown): string {
  if (error instanceof SteerdError) return error.message;
  throw error;
}
