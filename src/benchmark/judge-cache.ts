/** Marks by the content of what was asked: the same question to the same judge is paid for once, in this run and later ones. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { canonicalJson } from '../common/canonical-json.js';
import { makeFolderDurably, writeDurably } from '../common/durable-file.js';

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

  async put(key: string, kept: Kept): Promise<void> {
    const folder = join(this.folder, key.slice(0, 2));
    if (!this.#folders.has(folder)) {
      await makeFolderDurably(folder);
      this.#folders.add(folder);
    }
    await writeDurably(folder, `${key}.json`, Buffer.from(JSON.stringify(kept)));
  }
}
