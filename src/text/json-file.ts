/** Reads the JSON and text files in a model's folder. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileKind } from '../common/file-kind.js';

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The file's text, or null when the directory has no such file. @throws the file system's error */
export async function readTextFile(directory: string, name: string): Promise<string | null> {
  try {
    return await readFile(join(directory, name), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * The file's object, or null when the directory has no such file.
 * @throws Error naming the file when it is not a JSON object; the file system's error
 */
export async function readJsonObject(directory: string, name: string): Promise<JsonObject | null> {
  const text = await readTextFile(directory, name);
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const kind = fileKind(Buffer.from(text.slice(0, 4096)));
    const other =
      kind !== null && !kind.startsWith('a JSON') ? `the file is ${kind}` : (error as Error).message;
    throw new Error(`${join(directory, name)} is not valid JSON: ${other}`);
  }
  if (!isJsonObject(value)) throw new Error(`${join(directory, name)} must hold a JSON object`);
  return value;
}
