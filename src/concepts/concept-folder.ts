/** Reads a folder of concept files: the concepts, and which files are refused and why. Changes nothing. */
import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Concept } from './concept.js';
import { ConceptFileError, decodeConcept, maximumConceptBytes, tooLarge } from './concept-file.js';

export const conceptExtension = '.safetensors';

/** Files read at a time: bounds memory and open files, however many there are. */
const concurrency = 16;

/** A file that was not loaded. */
export interface RefusedFile {
  readonly file: string;
  /** What the file calls its concept, where that much can be read. */
  readonly name: string | null;
  readonly reason: string;
}

interface ConceptOfFile {
  readonly concept: Concept;
  /** Path of the file. */
  readonly file: string;
  /** Unix seconds: when the file was last written. */
  readonly createdAt: number;
}

interface ConceptFolder {
  /** In the order of the files' names. */
  readonly loaded: readonly ConceptOfFile[];
  readonly refused: readonly RefusedFile[];
}

/** Reads every `*.safetensors` of a folder; a folder that does not exist has none. */
export async function readConceptFolder(folder: string): Promise<ConceptFolder> {
  const names = (await listFolder(folder)).filter((name) => name.endsWith(conceptExtension)).sort();
  const outcomes = new Array<ConceptOfFile | RefusedFile>(names.length);
  const rest = names.entries();
  const readRest = async () => {
    for (const [index, name] of rest) outcomes[index] = await readConceptFile(join(folder, name));
  };
  await Promise.all(Array.from({ length: concurrency }, readRest));
  return {
    loaded: outcomes.filter((outcome) => 'concept' in outcome),
    refused: outcomes.filter((outcome) => 'reason' in outcome),
  };
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

async function readConceptFile(file: string): Promise<ConceptOfFile | RefusedFile> {
  try {
    const { bytes, modified } = await readBounded(file);
    return { file, concept: decodeConcept(bytes), createdAt: Math.floor(modified / 1000) };
  } catch (error) {
    const name = error instanceof ConceptFileError ? error.conceptName : null;
    return { file, name, reason: error instanceof Error ? error.message : String(error) };
  }
}

async function readBounded(file: string): Promise<{ bytes: Uint8Array; modified: number }> {
  // O_NONBLOCK: a pipe of that name must not hang the start.
  const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new ConceptFileError('not_safetensors', 'not a regular file');
    if (stats.size > maximumConceptBytes) throw tooLarge(stats.size);
    return { bytes: await handle.readFile(), modified: stats.mtimeMs };
  } finally {
    await handle.close();
  }
}
