/**
 * What was typed in `steerd chat`, kept from one conversation to the next: in a file of the user's that nobody else may read, the newest
 * lines only. It is written anew with each line, so that several conversations at once lose a line of each other at most.
 */
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { writeDurably } from '../common/durable-file.js';
import { userStateFolder } from '../common/user-folders.js';
import { errors } from '../errors.js';
import { harmless } from './output.js';

export const mostLines = 500;
/** Bytes of the whole file. */
const mostBytes = 256 * 1024;
const mark = '# typed in steerd chat, oldest first';

export const usualHistoryFile = (): string =>
  join(
    userStateFolder({ environment: process.env, platform: process.platform, home: homedir() }),
    'chat-history',
  );

export class ChatHistory {
  private constructor(
    /** Null where nothing is kept. */
    private readonly file: string | null,
    private known: readonly string[],
  ) {}

  /**
   * @param said a file; "none" keeps what is typed in this conversation only
   * @throws SteerdError invalid_value for a file of somebody else's, which would be written over; the file system's error
   */
  static async open(said: string): Promise<ChatHistory> {
    if (said === 'none') return new ChatHistory(null, []);
    const file = resolve(said);
    return new ChatHistory(file, await read(file));
  }

  /** Oldest first. */
  get lines(): readonly string[] {
    return this.known;
  }

  /**
   * A line that begins with a space is not kept, nor is an empty one.
   * @throws the file system's error
   */
  async add(typed: string): Promise<void> {
    const line = harmless(typed).replaceAll('\n', ' ').trimEnd();
    if (line === '' || line.startsWith(' ')) return;
    // Another conversation may have added some.
    const before = this.file === null ? this.known : await read(this.file);
    this.known = newest([...before.filter((one) => one !== line), line]);
    if (this.file === null) return;
    const folder = dirname(this.file);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const text = `${[mark, ...this.known].join('\n')}\n`;
    await writeDurably(folder, basename(this.file), Buffer.from(text), { mode: 0o600 });
  }

  /** Forgets all of it. @throws the file system's error */
  async clear(): Promise<void> {
    this.known = [];
    if (this.file !== null) await rm(this.file, { force: true });
  }
}

function newest(lines: readonly string[]): string[] {
  const kept: string[] = [];
  let bytes = mark.length + 1;
  for (const line of lines.slice(-mostLines).reverse()) {
    bytes += Buffer.byteLength(line) + 1;
    if (bytes > mostBytes) break;
    kept.unshift(line);
  }
  return kept;
}

async function read(file: string): Promise<string[]> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (found === null) return [];
  const text = found.isFile() && found.size <= mostBytes ? await readFile(file, 'utf8') : null;
  const [first, ...lines] = text?.split('\n') ?? [];
  if (text !== '' && first !== mark)
    throw errors.invalidValue('--history', '"none", or a file that steerd chat wrote or may make', file);
  return lines.filter((line) => line !== '');
}
