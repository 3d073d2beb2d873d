/** Marks by the content of what was asked: the same question to the same judge is paid for once, in this run and later ones. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { canonicalJson } from '../common/canonical-json.js';

const Kept = z.object({ score: z.number().nullable(), reason: z.string() });
export type Kept = z.output<typeof Kept>;

export class JudgeCache {
  readonly #folders = new Set<string>();

  constructor(private readonly folder: string) {}

  /** @param asked whatever decides the answer, as JSON */
  keyOf(asked: unknown): string {
    return createHash('sha256').update(canonicalJson(asked)).digest('hex');
  }

  /** Undefined where nothing, or nothing that can be read, is kept. */
  async get(key: string): Promise<Kept | undefined> {
    try {
      const text = await readFile(join(this.folder, key.slice(0, 2), `${key}.json`), 'utf8');
      return Kept.parse(JSON.parse(text));
    } catch {
      return undefined;
    }
  }

  /** Whole or not at all; not synced, for the records hold every mark too. */
  async put(key: string, kept: Kept): Promise<void> {
    const folder = join(this.folder, key.slice(0, 2));
    if (!this.#folders.has(folder)) {
      await mkdir(folder, { recursive: true });
      this.#folders.add(folder);
    }
    const temporary = join(folder, `${randomBytes(6).toString('hex')}.tmp`);
    await writeFile(temporary, JSON.stringify(kept));
    await rename(temporary, join(folder, `${key}.json`));
  }
}
