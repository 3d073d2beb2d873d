/** The end of every making of a model: what stands in a hidden folder becomes the model's own, whole and at once. */
import { readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { shownBytes } from '../../common/byte-size.js';
import { isDiskFull, syncFolder } from '../../common/durable-file.js';
import { errors } from '../../errors.js';
import { type Manifest, originOf, writeManifest } from './manifest.js';
import { removeStale } from './model-folders.js';

interface Completion {
  readonly modelsDirectory: string;
  readonly name: string;
  readonly staging: string;
  readonly manifest: Manifest;
  readonly signal: AbortSignal;
}

/**
 * Nothing but the files of the manifest goes into the model's folder.
 * @throws SteerdError model_exists; the signal's reason; the file system's error
 */
export async function completeModel(completion: Completion): Promise<void> {
  const { modelsDirectory, name, staging, manifest, signal } = completion;
  const kept = new Set(manifest.files.map(({ path }) => path));
  const entries = await readdir(staging, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) await syncFolder(path);
    else if (!kept.has(relative(staging, path).replaceAll(sep, '/'))) await rm(path);
  }
  signal.throwIfAborted();
  await writeManifest(staging, manifest);
  await rename(staging, join(modelsDirectory, name)).catch(async (error: Error) => {
    await refuseExisting(modelsDirectory, name, null);
    throw error;
  });
  await syncFolder(modelsDirectory);
  await removeStale(modelsDirectory, name);
}

/**
 * @param present its manifest, for the message
 * @throws SteerdError model_exists when there is a folder of that name
 */
export async function refuseExisting(
  modelsDirectory: string,
  name: string,
  present: Manifest | null,
): Promise<void> {
  if ((await stat(join(modelsDirectory, name)).catch(() => null)) === null) return;
  throw errors.modelExists(name, present === null ? 'which was not pulled' : whatIsThere(present));
}

function whatIsThere(manifest: Manifest): string {
  return manifest.format === 1
    ? `${manifest.graph} of ${manifest.repository} at commit ${manifest.commit.slice(0, 12)}`
    : `built as ${manifest.precision} from ${originOf(manifest)}`;
}

/** What the file system refuses, with the setting that helps; every other error as it is. */
export async function explainedFault(error: unknown, modelsDirectory: string): Promise<unknown> {
  const { syscall, message } = error as NodeJS.ErrnoException;
  if (isDiskFull(error)) {
    const free = await freeBytes(modelsDirectory).catch(() => 0);
    return errors.spaceMissing(modelsDirectory, null, shownBytes(free));
  }
  return syscall === undefined ? error : errors.modelsFolderUnusable(modelsDirectory, message);
}

export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
