/**
 * The files that weights are written to, and what was noted of a build that was broken off: how many tasks of its plan lie
 * on the disk.
 */
import { type FileHandle, open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredWeight, WeightPlan } from './weight-plan.js';

/** Its name keeps it out of the model. */
const stateFile = '.build-state';

export class WeightFiles {
  readonly #open = new Map<string, Promise<FileHandle>>();

  /** @param finished tasks of the plan that an earlier build has finished */
  private constructor(
    readonly folder: string,
    readonly key: string,
    readonly finished: number,
  ) {}

  /** Files of another plan, and of one that they do not hold what was noted of, are begun anew. */
  static async open(folder: string, plan: WeightPlan): Promise<WeightFiles> {
    const { key } = plan;
    const finished = await finishedTasks(folder, key);
    return new WeightFiles(folder, key, (await areThere(folder, plan, finished)) ? finished : 0);
  }

  /** @param at byte of the weight that the data goes to */
  async write({ file, offset }: StoredWeight, at: number, data: ArrayBufferView): Promise<void> {
    const handle = await this.#handle(file);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await handle.write(
        bytes,
        written,
        bytes.length - written,
        offset + at + written,
      );
      written += bytesWritten;
    }
  }

  /** Notes that the first tasks of the plan lie on the disk. */
  async note(finished: number): Promise<void> {
    for (const handle of this.#open.values()) await (await handle).datasync();
    const path = join(this.folder, stateFile);
    await writeFile(`${path}.new`, JSON.stringify({ key: this.key, finished }));
    await rename(`${path}.new`, path);
  }

  async close(): Promise<void> {
    for (const handle of this.#open.values()) await (await handle).close();
  }

  /** Opened once, whoever writes first: opening a new file empties it. */
  #handle(file: string): Promise<FileHandle> {
    const known = this.#open.get(file);
    if (known) return known;
    const path = join(this.folder, file);
    const opened = this.finished > 0 ? openKept(path) : open(path, 'w+');
    this.#open.set(file, opened);
    return opened;
  }
}

/** One that no earlier build has come to is made; any other reason must not empty what is there. */
const openKept = (path: string): Promise<FileHandle> =>
  open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return open(path, 'w+');
    throw error;
  });

/** Whether the files reach as far as the first tasks of the plan do. */
async function areThere(folder: string, { tasks }: WeightPlan, finished: number): Promise<boolean> {
  const ends = new Map<string, number>();
  for (const { file, offset, bytes } of tasks.slice(0, finished).flatMap(({ outputs }) => outputs))
    ends.set(file, Math.max(ends.get(file) ?? 0, offset + bytes));
  for (const [file, end] of ends) {
    const { size } = await stat(join(folder, file)).catch(() => ({ size: 0 }));
    if (size < end) return false;
  }
  return true;
}

async function finishedTasks(folder: string, key: string): Promise<number> {
  const text = await readFile(join(folder, stateFile), 'utf8').catch(() => '{}');
  try {
    const state = JSON.parse(text) as { key?: unknown; finished?: unknown };
    return state.key === key && Number.isSafeInteger(state.finished)
      ? Math.max(0, Number(state.finished))
      : 0;
  } catch {
    return 0;
  }
}
