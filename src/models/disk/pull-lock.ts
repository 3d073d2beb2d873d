/** The lock of a pull: one process at a time writes a model's folder. */
import { type FileLock, lockFile } from '../../common/file-lock.js';
import { errors } from '../../errors.js';

export type PullLock = FileLock;

/**
 * @param name of the model, for the message
 * @throws SteerdError pull_running
 */
export const lockPull = (file: string, name: string): Promise<PullLock> =>
  lockFile(file, (who) => errors.pullRunning(name, who));
