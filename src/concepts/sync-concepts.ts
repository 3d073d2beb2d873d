/**
 * Two stores of concepts brought to the same: what only one has, or has newer, goes to the other, with the versions between. Which is newer
 * is told by their histories, never by clocks; where neither knows the other's version it is a conflict, which nobody but a person decides.
 * What one side deleted after it had the other's version is deleted there too where that is asked for, and else left; what the other side
 * changed meanwhile is a conflict. Nothing comes back by itself, and nothing is gone that is no version any more.
 */
import { errors, SteerdError } from '../errors.js';
import type { ConceptLibrary } from './concept-lookup.js';
import type { ConceptEntry } from './stored-concept.js';

type Library = Pick<ConceptLibrary, 'list' | 'find' | 'versions' | 'load' | 'put' | 'delete'>;

export type SyncSide = 'directory' | 'database';

export interface SyncStep {
  readonly model: string;
  readonly name: string;
  /**
   * `same`; `copy` to the side `to`, which has none or an earlier one; `conflict`: both changed, or one that the other side deleted;
   * `delete` on the side `to`, for the other one deleted it; `deleted` on the side `to`, after it had this version, and nothing is done;
   * `behind`: the side `to` has an earlier one, and only the other may change.
   */
  readonly what: 'same' | 'copy' | 'conflict' | 'delete' | 'deleted' | 'behind';
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
  /** Whether what one side deleted is deleted on the other. */
  readonly deletes?: boolean;
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
  { to, force = false, deletes = false }: SyncOptions,
): Promise<Decision> {
  const none = { to: null, copies: [] } as const;
  if (versions.directory === versions.database) return { what: 'same', ...none };
  const oldestFirst = async (side: SyncSide) =>
    (await stores[side].versions(model, name))
      .filter(({ source }) => source === 'data')
      .map(({ version }) => version)
      .reverse();
  const histories = { directory: await oldestFirst('directory'), database: await oldestFirst('database') };
  const forced = force ? to : undefined;
  const gone = (['directory', 'database'] as const).find((side) => versions[side] === null);
  const deletion = gone === undefined ? null : deletionOn(gone, versions, histories);
  if (gone !== undefined && deletion !== null) {
    // Forced, the side that has it brings it back where it is gone; the side that deleted it is right only where deletes are meant.
    if (forced === gone) return { what: 'copy', to: gone, copies: [versions[other(gone)] as string] };
    if (deletion === 'earlier' && !(forced !== undefined && deletes)) return { what: 'conflict', ...none };
    const may = to === undefined || to === other(gone);
    return deletes && may
      ? { what: 'delete', to: other(gone), copies: [] }
      : { what: 'deleted', to: gone, copies: [] };
  }
  const older = gone ?? olderOf(histories);
  const overrules = forced !== undefined && versions[other(forced)] !== null;
  if (older === null)
    return overrules
      ? { what: 'copy', to: forced, copies: [versions[other(forced)] as string] }
      : { what: 'conflict', ...none };
  if (to !== undefined && older !== to) {
    return overrules
      ? { what: 'copy', to, copies: [versions[other(to)] as string] }
      : { what: 'behind', to: older, copies: [] };
  }
  const source = histories[other(older)];
  const common = versions[older] === null ? -1 : source.lastIndexOf(versions[older]);
  return { what: 'copy', to: older, copies: source.slice(common + 1) };
}

/**
 * What a side deleted after it had it: the very version that the other side has (`this`), or an `earlier` one, which the other side has
 * changed meanwhile. Null where it knows nothing of the other's.
 */
function deletionOn(
  gone: SyncSide,
  versions: SyncStep['versions'],
  histories: Readonly<Record<SyncSide, readonly string[]>>,
): 'this' | 'earlier' | null {
  const had = histories[gone];
  if (had.includes(versions[other(gone)] ?? '')) return 'this';
  return histories[other(gone)].some((version) => had.includes(version)) ? 'earlier' : null;
}

/** The side that is to have what the other has, where both have one; null where that cannot be told. */
function olderOf({ directory, database }: Readonly<Record<SyncSide, readonly string[]>>): SyncSide | null {
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

/**
 * Does one step. Later versions are stored after earlier ones: cut off between, the next sync goes on from there.
 * @throws SteerdError concept_changed where the side has another version by now than was planned for
 */
export async function applySync(
  stores: Readonly<Record<SyncSide, Library>>,
  { model, name, what, to, versions, copies }: SyncStep,
  signal?: AbortSignal,
): Promise<void> {
  if (to === null || (what !== 'copy' && what !== 'delete')) return;
  if (what === 'delete') {
    await stores[to].delete(model, name, versions[to] ?? undefined);
    return;
  }
  let before = versions[to];
  for (const version of copies) {
    const stored = await stores[other(to)].load(model, `${name}@${version}`);
    if (stored === undefined) throw errors.conceptVersionNotFound(name, model, version, [], 'name');
    await stores[to].put(stored.concept, signal, undefined, before);
    before = version;
  }
}

/** In words, for a step that could not be done. @throws what is no error of ours */
export function whyNot(error: unknown): string {
  if (!(error instanceof SteerdError)) throw error;
  return error.code === 'concept_changed' ? 'it was changed there meanwhile; sync again' : error.message;
}
