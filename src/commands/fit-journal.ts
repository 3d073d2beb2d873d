/**
 * What of a list of fits is done, so that the same command goes on where it was ended, by kill -9 too: a line for each fit that was
 * asked for or is done, on the disk before the next begins. It goes when the whole list is done.
 */
import { createHash } from 'node:crypto';
import { appendFile, readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { canonicalJson } from '../common/canonical-json.js';
import { makeFolderDurably } from '../common/durable-file.js';
import { packageVersion } from '../common/package.js';
import type { ListedFit } from './fit-list.js';

interface Line {
  readonly fit: string;
  readonly name: string;
  /** The job of a server that was asked. */
  readonly job?: string;
  /** The concept's version, and what the fit took. */
  readonly version?: string;
  readonly seconds?: number;
}

export class FitJournal {
  private constructor(
    private readonly file: string,
    private readonly lines: Map<string, Line>,
  ) {}

  /**
   * @param folder that concepts go to, where that is a folder; else null, and the journal lies in the data directory
   * @param where a server's address; null for this process
   * @param again forgets what was done
   */
  static async open(
    { folder, dataDirectory, list, where }: Place,
    { again = false }: { readonly again?: boolean } = {},
  ): Promise<FitJournal> {
    const place = createHash('sha256')
      .update(`${resolve(list)}\n${where ?? ''}`)
      .digest('hex')
      .slice(0, 16);
    const file =
      folder === null ? join(dataDirectory, 'fit-lists', `${place}.jsonl`) : join(folder, '.fit-list.jsonl');
    if (again) await rm(file, { force: true });
    const text = await readFile(file, 'utf8').catch(() => '');
    await makeFolderDurably(dirname(file));
    const lines = new Map<string, Line>();
    for (const line of text.split('\n')) {
      const read = parsed(line);
      if (read !== null) lines.set(read.fit, { ...lines.get(read.fit), ...read });
    }
    // A line that was being written when the power went must not swallow the next.
    if (text !== '' && !text.endsWith('\n')) await appendFile(file, '\n');
    return new FitJournal(file, lines);
  }

  /** What is known of a fit; nothing of one that asks anything else. */
  of(fit: ListedFit): Line | undefined {
    return this.lines.get(keyOf(fit));
  }

  async add(fit: ListedFit, what: Omit<Line, 'fit' | 'name'>): Promise<void> {
    const line = { fit: keyOf(fit), name: fit.fields.name, ...what };
    this.lines.set(line.fit, { ...this.lines.get(line.fit), ...line });
    await appendFile(this.file, `${JSON.stringify(line)}\n`, { flush: true });
  }

  /** The list is done. */
  async end(): Promise<void> {
    await rm(this.file, { force: true });
  }
}

interface Place {
  readonly folder: string | null;
  readonly dataDirectory: string;
  readonly list: string;
  readonly where: string | null;
}

/** Another version may fit otherwise. */
const keyOf = ({ fields }: ListedFit): string =>
  createHash('sha256')
    .update(canonicalJson({ ...fields, steerd: packageVersion }))
    .digest('hex');

function parsed(line: string): Line | null {
  try {
    const value = JSON.parse(line) as Line;
    return typeof value.fit === 'string' ? value : null;
  } catch {
    return null;
  }
}
