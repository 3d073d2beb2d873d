/**
 * The two files of a run. A batch of lines is on the disk when `append` resolves; what a kill leaves of a line that was
 * being written is cut off when the file is opened again. Reading streams: no file is ever held whole.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolderDurably, syncFolder, writeDurably } from '../common/durable-file.js';
import { errors } from '../errors.js';
import { validated } from '../schemas/validation.js';
import { BenchRecord, Run, recordsFile, runFile } from './records.js';

/** Null where there is none. @throws SteerdError for a head that is none of ours */
export async function readRun(folder: string): Promise<Run | null> {
  let text: string;
  try {
    text = await readFile(join(folder, runFile), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw errors.invalidRequest(`${join(folder, runFile)} must be JSON.`, 'out');
  }
  return validated(Run, value);
}

export async function writeRun(folder: string, run: Run): Promise<void> {
  await makeFolderDurably(folder);
  await writeDurably(folder, runFile, Buffer.from(`${JSON.stringify(run, null, 1)}\n`));
}

/**
 * Every whole line, in the file's order; none where there is no file.
 * @throws SteerdError for a line within the file that is no record
 */
export async function* readRecords(folder: string): AsyncGenerator<BenchRecord> {
  const file = join(folder, recordsFile);
  let number = 0;
  for await (const line of linesOf(file)) {
    number++;
    if (line === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw errors.invalidRequest(`line ${number} of ${file} must be JSON.`, 'out');
    }
    const parsed = BenchRecord.safeParse(value);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw errors.invalidRequest(
        `line ${number} of ${file} must be a record: ${issue?.path.join('.')} ${issue?.message}.`,
        'out',
      );
    }
    yield parsed.data;
  }
}

/** Lines that a line end closes. */
async function* linesOf(file: string): AsyncGenerator<string> {
  const stream = createReadStream(file, { encoding: 'utf8' });
  let rest = '';
  try {
    for await (const chunk of stream) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() as string;
      yield* lines;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

export class RecordWriter {
  /** Lines that the next write takes. */
  #pending = '';
  #next: Promise<void> | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #broken: { readonly error: unknown } | null = null;

  private constructor(private readonly handle: FileHandle) {}

  /** Opens the records of a folder that exists, without what was torn. */
  static async open(folder: string): Promise<RecordWriter> {
    const handle = await open(join(folder, recordsFile), 'a+');
    const { size } = await handle.stat();
    const whole = await wholeLines(handle, size);
    if (whole < size) {
      await handle.truncate(whole);
      await handle.sync();
    }
    if (size === 0) await syncFolder(folder);
    return new RecordWriter(handle);
  }

  /**
   * Durable when it resolves. Batches keep their order, and lines of one stay together; those that come while the disk is
   * busy are written as one.
   */
  append(records: readonly BenchRecord[]): Promise<void> {
    if (records.length === 0) return Promise.resolve();
    this.#pending += records.map((record) => `${JSON.stringify(record)}\n`).join('');
    if (this.#next === null) {
      this.#next = this.#last.then(() => this.#write());
      this.#last = this.#next.catch(() => {});
    }
    return this.#next;
  }

  async #write(): Promise<void> {
    const text = this.#pending;
    this.#pending = '';
    this.#next = null;
    // Behind a line that a full disk tore nothing can be read.
    if (this.#broken !== null) throw this.#broken.error;
    try {
      await this.handle.appendFile(text);
      await this.handle.datasync();
    } catch (error) {
      this.#broken = { error };
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#last;
    await this.handle.close();
  }
}

/** Bytes up to and with the last line end. */
export async function wholeLines(handle: FileHandle, size: number): Promise<number> {
  const block = Buffer.alloc(64 * 1024);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - block.length);
    const { bytesRead } = await handle.read(block, 0, end - start, start);
    const at = block.subarray(0, bytesRead).lastIndexOf(10);
    if (at >= 0) return start + at + 1;
    end = start;
  }
  return 0;
}
