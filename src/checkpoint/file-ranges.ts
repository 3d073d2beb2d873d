/** A file of weights, read by ranges: never more of it is in memory than is asked for. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errors } from '../errors.js';

export class FileRanges {
  private constructor(
    readonly path: string,
    readonly bytes: number,
    private readonly handle: FileHandle,
  ) {}

  /** @throws the file system's error; Error for what is no plain file (a pipe would never end) */
  static async open(path: string): Promise<FileRanges> {
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw new Error(`${path} is not a file`);
      return new FileRanges(path, stat.size, handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /**
   * @throws SteerdError checkpoint_invalid when the file has grown shorter meanwhile
   */
  async read(start: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.handle.read(bytes, done, length - done, start + done);
      if (bytesRead === 0) {
        throw errors.checkpointInvalid(
          this.path,
          `it ends at byte ${start + done}: it was cut off meanwhile`,
        );
      }
      done += bytesRead;
    }
    return bytes;
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}
