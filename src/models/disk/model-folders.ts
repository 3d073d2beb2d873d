/**
 * The models directory as a listing: each visible folder is a model. What begins with a dot is never one: pulls work
 * in `.pull`, and what is removed is moved there first, so that a folder under its own name is whole.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errors } from '../../errors.js';
import { type Manifest, readManifest } from './manifest.js';
import { lockPull } from './pull-lock.js';

/** Folder of unfinished pulls under the models directory. */
export const pullFolder = '.pull';

/** Where a pull keeps what it has so far; `commit` and graph are part of `key`. */
export const stagingOf = (modelsDirectory: string, name: string, key: string): string =>
  join(modelsDirectory, pullFolder, `${name}@${key}`);

export const lockOf = (modelsDirectory: string, name: string): string =>
  join(modelsDirectory, pullFolder, `${name}.lock`);

export interface ModelFolder {
  readonly name: string;
  readonly folder: string;
  readonly bytes: number;
  /** Null for a folder that was not pulled. */
  readonly manifest: Manifest | null;
}

interface UnfinishedPull {
  readonly name: string;
  readonly folder: string;
  readonly bytes: number;
}

/**
 * The names of the models' folders, sorted. An absent directory has none.
 * @throws SteerdError storage_failed
 */
export async function modelNames(modelsDirectory: string): Promise<string[]> {
  return (await foldersIn(modelsDirectory)).filter((name) => !name.startsWith('.'));
}

/** The models, by name, with all that their folders tell. */
export async function listModels(modelsDirectory: string): Promise<ModelFolder[]> {
  const names = await modelNames(modelsDirectory);
  return Promise.all(
    names.map(async (name) => {
      const folder = join(modelsDirectory, name);
      return { name, folder, bytes: await folderBytes(folder), manifest: await readManifest(folder) };
    }),
  );
}

/** What pulls that were broken off have left: pulling again goes on with it. */
export async function listUnfinished(modelsDirectory: string): Promise<UnfinishedPull[]> {
  const pulls = join(modelsDirectory, pullFolder);
  const names = (await foldersIn(pulls)).filter((name) => name.includes('@'));
  return Promise.all(
    names.map(async (entry) => {
      const folder = join(pulls, entry);
      return { name: entry.slice(0, entry.indexOf('@')), folder, bytes: await folderBytes(folder) };
    }),
  );
}

/**
 * Removes a model, or what an unfinished pull of it left. A server that runs it goes on with what it has open.
 * @param force also a model that was not pulled, which nothing can bring back
 * @returns the bytes set free
 * @throws SteerdError model_not_found, model_not_pulled, pull_running
 */
export async function removeModel(modelsDirectory: string, name: string, force: boolean): Promise<number> {
  const models = await listModels(modelsDirectory);
  const model = models.find((one) => one.name === name);
  const unfinished = (await listUnfinished(modelsDirectory)).filter((one) => one.name === name);
  if (model === undefined && unfinished.length === 0) {
    throw errors.modelNotFound(
      name,
      models.map((one) => one.name),
    );
  }
  if (model !== undefined && model.manifest === null && !force) throw errors.modelNotPulled(name);
  await mkdir(join(modelsDirectory, pullFolder), { recursive: true });
  const lock = await lockPull(lockOf(modelsDirectory, name), name);
  try {
    if (model !== undefined) {
      const aside = join(modelsDirectory, pullFolder, `removed-${randomBytes(6).toString('hex')}`);
      await rename(model.folder, aside);
    }
    await removeStale(modelsDirectory, name);
  } finally {
    await lock.release();
  }
  return (model?.bytes ?? 0) + unfinished.reduce((sum, one) => sum + one.bytes, 0);
}

/** Drops the other unfinished pulls of a model, and what removals cut short left behind. */
export async function removeStale(modelsDirectory: string, name: string): Promise<void> {
  const pulls = join(modelsDirectory, pullFolder);
  const names = await foldersIn(pulls);
  const stale = names.filter((entry) => entry.startsWith(`${name}@`) || entry.startsWith('removed-'));
  await Promise.all(stale.map((entry) => rm(join(pulls, entry), { recursive: true, force: true })));
}

async function foldersIn(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw errors.modelsFolderUnusable(directory, error.message);
  });
  const folders = await Promise.all(
    // A folder may be a link to one that lies elsewhere.
    names.map(async (name) =>
      (await stat(join(directory, name)).catch(() => null))?.isDirectory() ? [name] : [],
    ),
  );
  return folders.flat().sort();
}

/** Of all files below a folder. @throws the file system's error for one that is not there */
export async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    entries.map(async (entry) =>
      entry.isDirectory()
        ? 0
        : (await stat(join(entry.parentPath, entry.name)).catch(() => ({ size: 0 }))).size,
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
