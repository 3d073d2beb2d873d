/** Who works on a run: its folder is locked, so that the command, a server's job and a fetch never write into it at once. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type FileLock, lockFile } from '../common/file-lock.js';
import { errors } from '../errors.js';

const lockName = '.lock';
/** Whoever works on a run touches its lock several times in that: milliseconds. */
const lockVoid = 30_000;

const taken = (folder: string) => (who: string) =>
  errors.invalidValue('--out', `a folder that no other run works in, such as that of ${who}`, folder);

/** @param refused makes the error where somebody works there. @throws it */
export const lockRun = (folder: string, refused: (who: string) => Error = taken(folder)): Promise<FileLock> =>
  lockFile(join(folder, lockName), refused);

export async function isRunLocked(folder: string): Promise<boolean> {
  const lock = await stat(join(folder, lockName)).catch(() => null);
  return lock !== null && Date.now() - lock.mtimeMs < lockVoid;
}
