/**
 * One file of a hub onto the disk. Bytes go to `<target>.part`, which grows over as many connections and processes
 * as it takes; when it is as long as it should be it is read back, compared with the hub's checksum, synced and
 * renamed. So a file under its own name is whole and right, whatever was killed before.
 */
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errors } from '../errors.js';
import { type FileSums, sumFile } from './checksum.js';
import { Interruption } from './connection.js';
import type { Hub, HubFile, Snapshot } from './hub.js';

export interface Download {
  readonly hub: Hub;
  readonly snapshot: Pick<Snapshot, 'repository' | 'commit'>;
  readonly file: HubFile;
  /** Where it goes. */
  readonly target: string;
  readonly signal: AbortSignal;
  /** Hears how many bytes of it are on the disk, whenever that changes. */
  readonly onBytes: (bytes: number) => void;
}

const partSuffix = '.part';

/** Bytes of a file that need not be sent any more: of the whole one, or else of its part. */
export async function bytesHere(target: string): Promise<number> {
  return (await bytesOf(target)) || (await bytesOf(target + partSuffix));
}

/** 0 for a file that is not there. */
const bytesOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

/**
 * Resolves with the file's checksums when it is at `target`, durable and right.
 * @throws SteerdError hub_wrong_bytes, and what else `Hub` throws; the file system's error (the part stays and can
 *   be continued); the signal's reason
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
      // Before it gets its name: Windows renames no open file.
      await part.handle.close();
    }
    if (isRight(sums)) {
      await rename(part.path, target);
      return sums;
    }
    await rm(part.path, { force: true });
    onBytes(0);
    // In pieces, the joints may be at fault: once more, whole. In one piece, it is what the hub has.
    if (!part.joined) {
      throw errors.hubWrongBytes(part.name, `${kind} ${hex}`, sums[kind] ?? 'nothing');
    }
  }
}

/** The bytes that have come so far. */
class Part {
  #etag: string | null = null;

  private constructor(
    private readonly download: Download,
    readonly path: string,
    readonly handle: FileHandle,
    private size: number,
    /** Whether it came over more than one connection. */
    public joined: boolean,
  ) {}

  static async open(download: Download, path: string): Promise<Part> {
    // Opening to append makes the file where there is none; 'r+' alone can write where it should.
    await (await open(path, 'a')).close();
    const handle = await open(path, 'r+');
    const { size } = await handle.stat();
    return new Part(download, path, handle, size, size > 0);
  }

  get name(): string {
    return `${this.download.snapshot.repository}/${this.download.file.path}`;
  }

  /** Makes it as long as the file. */
  async complete(): Promise<void> {
    const { hub, signal, file, onBytes } = this.download;
    if (this.size > file.bytes) await this.#empty();
    onBytes(this.size);
    await hub.persistently(
      this.name,
      signal,
      () => this.#continue(),
      () => this.size,
    );
  }

  /** One connection's worth. */
  async #continue(): Promise<void> {
    const { hub, snapshot, signal, file, onBytes } = this.download;
    if (this.size === file.bytes) return;
    const from = this.size;
    const opened = await hub.open(snapshot, file.path, { from, etag: this.#etag }, signal);
    if (opened?.from !== from) await this.#empty();
    // The whole file is as good as its rest; any other part is of no use.
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

  async #empty(): Promise<void> {
    await this.handle.truncate(0);
    this.size = 0;
    this.#etag = null;
    this.joined = false;
    this.download.onBytes(0);
  }
}

/** A write may take less than it was given. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
