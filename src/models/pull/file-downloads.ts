/**
 * Files of one snapshot on their way into a staging folder: what is there already counts, what is missing must fit the disk, and
 * several come at once.
 */
import { join } from 'node:path';
import { shownBytes } from '../../common/byte-size.js';
import { mapConcurrent } from '../../common/map-concurrent.js';
import { errors } from '../../errors.js';
import type { FileSums } from '../../hub/checksum.js';
import { bytesHere, downloadFile } from '../../hub/download-file.js';
import type { Hub, HubFile, ListedFile, Snapshot } from '../../hub/hub.js';
import { freeBytes } from '../disk/complete-model.js';

interface FileDownloadsOptions {
  readonly hub: Hub;
  readonly modelsDirectory: string;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: {
    readonly stage: 'download';
    readonly done: number;
    readonly total: number;
  }) => void;
}

const atOnce = 4;
/** Folders and the manifest take some too. */
const spareBytes = 256 * 1024;

export class FileDownloads {
  /** Bytes on the disk, by the name in the folder. */
  readonly #here = new Map<string, number>();
  #total = 0;

  constructor(readonly options: FileDownloadsOptions) {}

  /** Counts what is here of these files and makes sure that the disk holds the rest. */
  async reserve(staging: string, files: ReadonlyMap<string, HubFile>): Promise<void> {
    this.#here.clear();
    this.#total = 0;
    for (const [path, { bytes }] of files) {
      this.#here.set(path, Math.min(bytes, await bytesHere(join(staging, path))));
      this.#total += bytes;
    }
    const needed = this.#total - this.#done + spareBytes;
    const free = await freeBytes(this.options.modelsDirectory);
    if (needed > free) {
      throw errors.spaceMissing(this.options.modelsDirectory, shownBytes(needed), shownBytes(free));
    }
    this.#tell();
  }

  /** With sizes and checksums, which some hubs tell of one file at a time only. */
  async described(snapshot: Snapshot, files: ReadonlyMap<string, ListedFile>): Promise<Map<string, HubFile>> {
    const { hub, signal } = this.options;
    const entries = [...files];
    const described = await mapConcurrent(entries, atOnce, signal, ([, file], _, within) =>
      hub.described(snapshot, file, within),
    );
    return new Map(entries.map(([name], i) => [name, described[i] as HubFile]));
  }

  get #done(): number {
    return [...this.#here.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  #tell(): void {
    this.options.onProgress?.({ stage: 'download', done: this.#done, total: this.#total });
  }

  /** Checksums by the name in the folder. The largest come first: they decide how long it takes. */
  async download(
    snapshot: Snapshot,
    staging: string,
    files: ReadonlyMap<string, HubFile>,
  ): Promise<Map<string, FileSums>> {
    const entries = [...files].sort(([, a], [, b]) => b.bytes - a.bytes);
    const { hub, signal } = this.options;
    const sums = await mapConcurrent(entries, atOnce, signal, async ([path, file], _, within) => {
      const onBytes = (bytes: number) => {
        this.#here.set(path, bytes);
        this.#tell();
      };
      return downloadFile({ hub, snapshot, file, target: join(staging, path), signal: within, onBytes });
    });
    return new Map(entries.map(([path], i) => [path, sums[i] as FileSums]));
  }
}
