/**
 * Atomic and durable file writes: to a temporary file beside the target, synced, renamed over the target, and the
 * folder synced. After any kill or power loss a path holds the old content or the new, never a part.
 *
 * Not write-file-atomic (7.0): it makes one write call and ignores how much of it was written, so on a disk that
 * fills up a torn file would be renamed into place; and it does not sync the folder.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

const temporarySuffix = '.tmp';

/** Whether a write failed because the disk, or what its user may take of it, is full. */
export function isDiskFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

interface WriteOptions {
  /** Ends the write as long as the target has not been replaced. */
  readonly signal?: AbortSignal | undefined;
  /** Permissions of the file. */
  readonly mode?: number;
}

/**
 * Writes one file of `folder`; durable when it resolves. Returns the modification time, in milliseconds.
 * @throws the signal's reason when it is aborted before the file is in its place; what was there stays.
 */
export async function writeDurably(
  folder: string,
  file: string,
  bytes: Uint8Array,
  { signal, mode = 0o644 }: WriteOptions = {},
): Promise<number> {
  const temporary = join(folder, `${file}.${randomBytes(6).toString('hex')}${temporarySuffix}`);
  signal?.throwIfAborted();
  try {
    const handle = await open(temporary, 'wx', mode);
    let modified: number;
    try {
      await handle.writeFile(bytes);
      await handle.sync();
      modified = (await handle.stat()).mtimeMs;
    } finally {
      await handle.close();
    }
    signal?.throwIfAborted();
    await rename(temporary, join(folder, file));
    await syncFolder(folder);
    return modified;
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
}

/** Deletes one file of `folder`; durable when it resolves. */
export async function deleteDurably(folder: string, file: string): Promise<void> {
  await unlink(join(folder, file));
  await syncFolder(folder);
}

/** Makes a folder and those above it, durable when it resolves. */
export async function makeFolderDurably(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  const top = dirname(resolve(first));
  for (let parent = dirname(resolve(folder)); parent.length >= top.length; parent = dirname(parent)) {
    await syncFolder(parent);
    if (parent === top) break;
  }
}

/**
 * Makes a folder that may be there already, and removes what a crash left in it. Where only reading is allowed, a folder that
 * is missing stays missing, and what is in its parent can still be used.
 */
export async function openFolderDurably(folder: string): Promise<void> {
  try {
    await makeFolderDurably(folder);
  } catch (error) {
    if (isReadOnly(error) && (await isFolder(dirname(folder)))) return;
    throw error;
  }
  await removeLeftovers(folder);
}

const isReadOnly = (error: unknown) =>
  ['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '');

const isFolder = (path: string) =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

/** Removes temporary files that a crash left behind. Only for a folder that no other process writes to. */
export async function removeLeftovers(folder: string): Promise<void> {
  const names = await readdir(folder);
  const leftovers = names.filter((name) => name.endsWith(temporarySuffix));
  // A read-only folder keeps its leftovers: they are never read.
  await Promise.all(leftovers.map((name) => unlink(join(folder, name)).catch(() => {})));
}

/** Makes what was created, renamed and deleted in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows opens no folders, and NTFS journals renames itself.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes what was written to a file durable. */
export async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
