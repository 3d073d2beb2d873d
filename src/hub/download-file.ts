/**
 * Downloads one file from a hub. The bytes are appended to `<target>.part`, over as many connections and processes as
 * it takes; once it is complete it is synced, compared with the hub's checksum, and renamed. So a file under its own
 * name is complete and correct, even if earlier downloads were killed.
 */
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errors } from '../errors.js';
import { type FileSums, sumFile } from './checksum.js';
import { Interruption } from './connection.js';
import type { Hub, HubFile, Snapshot } from './hub.js';

interface Download {
  readonly hub: Hub;
  readonly snapshot: Pick<Snapshot, 'repository' | 'commit'>;
  readonly file: HubFile;
  /** Path of the file to write. */
  readonly target: string;
  readonly signal: AbortSignal;
  /** Called with the number of bytes on the disk whenever it changes. */
  readonly onBytes: (bytes: number) => void;
}

const partSuffix = '.part';

/** Number of bytes that are on the disk already: of the file, or else of its part. */
export async function bytesHere(target: string): Promise<number> {
  return (await bytesOf(target)) || (await bytesOf(target + partSuffix));
}

/** The size of a file; 0 if there is none. */
const bytesOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

/**
 * Resolves once the file is at `target`, synced to the disk and verified. An interrupted download leaves its part, and
 * the next one continues it.
 * @returns the file's checksums
 * @throws SteerdError hub_wrong_bytes, and what else `Hub` throws; the file system's error; the signal's reason
 */
export async function downloadFile(download: Download): Promise<FileSums> {
  const { file, target, signal, onBytes } = download;
  const { kind, hex } = file.checksum;
  const isRight = (sums: FileSums) => sums[kind] === hex;
  if ((await bytesOf(target)) === file.bytes && file.bytes > 0) {
    const sums = await sumFile(target, kind, signal);
    onBytes(file.bytes);
    if (isRight(sums)) return sums;
  }
  await rm(target, { force: true });
  await mkdir(dirname(target), { recursive: true });
  for (;;) {
    const part = await Part.open(download, target + partSuffix);
    let sums: FileSums;
    try {
      await part.complete();
      await part.handle.sync();
      sums = await sumFile(part.path, kind, signal);
    } finally {
      // Before the rename: Windows does not rename an open file.
      await part.handle.close();
    }
    if (isRight(sums)) {
      await rename(part.path, target);
      return sums;
    }
    await rm(part.path, { force: true });
    onBytes(0);
    // If several connections contributed, their pieces may not fit together: try again from the start.
    if (!part.joined) {
      throw errors.hubWrongBytes(part.name, `${kind} ${hex}`, sums[kind] ?? 'nothing');
    }
  }
}

/** The part file of a download. */
class Part {
  #etag: string | null = null;

  private constructor(
    private readonly download: Download,
    readonly path: string,
    readonly handle: FileHandle,
    private size: number,
    /** Whether more than one connection contributed to it. */
    public joined: boolean,
  ) {}

  static async open(download: Download, path: string): Promise<Part> {
    // 'a' creates the file if there is none; only 'r+' can write at a position.
    await (await open(path, 'a')).close();
    const handle = await open(path, 'r+');
    const { size } = await handle.stat();
    return new Part(download, path, handle, size, size > 0);
  }

  get name(): string {
    return `${this.download.snapshot.repository}/${this.download.file.path}`;
  }

  /** Downloads what is missing. */
  async complete(): Promise<void> {
    const { hub, signal, file, onBytes } = this.download;
    if (this.size > file.bytes) await this.#empty();
    onBytes(this.size);
    await hub.withRetries(
      this.name,
      signal,
      () => this.#continue(),
      () => this.size,
    );
  }

  /** Downloads what one connection delivers. @throws Interruption when that is not all */
  async #continue(): Promise<void> {
    const { hub, snapshot, signal, file, onBytes } = this.download;
    if (this.size === file.bytes) return;
    const from = this.size;
    const opened = await hub.open(snapshot, file.path, { from, etag: this.#etag }, signal);
    if (opened?.from !== from) await this.#empty();
    // The server may send the rest or the whole file; any other range is useless.
    if (opened === null || opened.from !== this.size) {
      throw new Interruption('the hub could not go on where the download stopped');
    }
    this.#etag = opened.etag;
    if (this.size > 0) this.joined = true;
    for await (const chunk of opened.chunks) {
      if (this.size + chunk.length > file.bytes) {
        await this.#empty();
        throw errors.hubWrongBytes(this.name, `${file.bytes} bytes`, 'more');
      }
      await writeAll(this.handle, chunk, this.size);
      this.size += chunk.length;
      onBytes(this.size);
    }
    if (this.size < file.bytes) {
      throw new Interruption(`the connection ended at ${this.size} of ${file.bytes} bytes`);
    }
  }

  /** Starts from the beginning. */
  async #empty(): Promise<void> {
    await this.handle.truncate(0);
    this.size = 0;
    this.#etag = null;
    this.joined = false;
    this.download.onBytes(0);
  }
}

/** Writes all bytes: a single write may take fewer. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
