/** A list of fits in a JSON file: the same fields as POST /v1/fits takes, with names that can be file names. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { JsonError, parseStrictJson } from '../common/canonical-json.js';
import { errors } from '../errors.js';
import { FitRequest } from '../schemas/fits.js';
import { validated } from '../schemas/validation.js';

/** The same on every file system. */
const fileName = /^[a-z0-9-]{1,64}$/;

const ListFile = z.object({ list: z.array(FitRequest).min(1) });

/**
 * @param model the one that will fit them: an entry may name it, and no other
 * @throws SteerdError naming the entry and the field at fault
 */
export async function readFitList(file: string, model: string): Promise<readonly FitRequest[]> {
  const { list } = validated(ListFile, { list: await readJson(file) });
  const names = new Set<string>();
  for (const [index, entry] of list.entries()) {
    const field = (name: string) => `list.${index}.${name}`;
    if (!fileName.test(entry.name)) {
      throw errors.invalidValue(field('name'), '1 to 64 of a-z, 0-9 and "-"', entry.name);
    }
    if (names.has(entry.name)) {
      throw errors.invalidValue(field('name'), 'a name that no entry before it has', entry.name);
    }
    names.add(entry.name);
    if (entry.model !== undefined && entry.model !== model) {
      throw errors.invalidValue(field('model'), `left out or ${model}, the model that fits`, entry.model);
    }
  }
  return list;
}

async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw errors.invalidRequest(`list must be a file that can be read: ${(error as Error).message}.`, 'list');
  }
  try {
    return parseStrictJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw errors.invalidRequest(`list must be a JSON file; ${file} is not: ${error.message}.`, 'list');
  }
}
