/**
 * The files that weights are written to, and what was noted of a build that was broken off: how many tasks of its plan lie
 * on the disk.
 */
import { type FileHandle, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredWeight } from './weight-plan.js';

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

  /** @param key of the plan: files of another one are begun anew */
  static async open(folder: string, key: string): Promise<WeightFiles> {
    return new WeightFiles(folder, key, await finishedTasks(folder, key));
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
    const opened = this.finished > 0 ? open(path, 'r+').catch(() => open(path, 'w+')) : open(path, 'w+');
    this.#open.set(file, opened);
    return opened;
  }
}

async function finishedTasks(folder: string, key: string): Promise<number> {
  const text = await readFile(join(folder, stateFile), 'utf8').catch(() => '{}');
  try {
    const state = JSON.parse(text) as { key?: unknown; finished?: unknown };
    return state.key === key && typeof state.finished === 'number' ? state.finished : 0;
  } catch {
    return 0;
  }
}
