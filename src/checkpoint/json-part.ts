/** The JSON files of a checkpoint, whose size is looked at before they are read. */
import { readFile, stat } from 'node:fs/promises';
import { isPlainObject } from '../common/canonical-json.js';
import { errors } from '../errors.js';

/** Tokenizers of a quarter of a million tokens have 35 MB. */
const mostBytes = 256 * 1024 * 1024;

export type JsonRecord = Record<string, unknown>;

/** Null when there is no such file. @throws SteerdError checkpoint_invalid */
export async function readPart(path: string): Promise<Uint8Array | null> {
  const found = await stat(path).catch(() => null);
  if (found === null) return null;
  if (!found.isFile()) throw errors.checkpointInvalid(path, 'it is no file');
  if (found.size > mostBytes) {
    throw errors.checkpointInvalid(path, `it has ${found.size} bytes; the limit is ${mostBytes}`);
  }
  return readFile(path);
}

/** @throws SteerdError checkpoint_invalid */
export function parseObject(bytes: Uint8Array, path: string): JsonRecord {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw errors.checkpointInvalid(path, `it is not JSON: ${(error as Error).message}`);
  }
  if (!isPlainObject(value)) throw errors.checkpointInvalid(path, 'it is not a JSON object');
  return value;
}

/** Null when there is no such file. @throws SteerdError checkpoint_invalid */
export async function readObject(path: string): Promise<JsonRecord | null> {
  const bytes = await readPart(path);
  return bytes === null ? null : parseObject(bytes, path);
}
