/**
 * `steerd fit`: fits concepts without a server. One by name goes to the data directory, as POST /v1/fits would
 * put it there; a list goes to a folder of files, which is how the concepts shipped with a model are made.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { type Concept, isConceptName } from '../concepts/concept.js';
import { encodeConcept } from '../concepts/concept-file.js';
import { conceptExtension } from '../concepts/concept-folder.js';
import { ConceptStore } from '../concepts/concept-store.js';
import { writeDurably } from '../concepts/durable-file.js';
import { JsonError, parseStrictJson } from '../concepts/json.js';
import type { Settings } from '../config.js';
import { errors } from '../errors.js';
import { loadModel } from '../models/load.js';
import type { LoadedModel } from '../models/model.js';
import { FitRequest } from '../schemas/fits.js';
import { validate } from '../schemas/validation.js';
import { fitConcept } from '../steering/fit-concept.js';
import { ProgressLine } from './progress-line.js';
import { addSettings } from './settings-options.js';

interface FitOptions {
  readonly prefix?: string;
  readonly seed?: string;
  readonly maxTokens?: string;
  readonly list?: string;
  readonly out?: string;
}

/** Names of a list become file names: they must be the same on every file system. */
const fileName = /^[a-z0-9-]{1,64}$/;

export function register(program: Command): void {
  const command = program
    .command('fit')
    .description('fit a concept, or a list of them, without a server')
    .argument('[name]', 'name of the concept; with --prefix')
    .option('--prefix <text>', 'what states the concept to the model: "You are obsessed with the ocean. ..."')
    .option('--seed <number>', 'seed of whatever the fit draws (default: 0)')
    .option('--max-tokens <number>', 'tokens per answer that the model gives for the fit (default: 32)')
    .option('--list <file>', 'fit every entry of a JSON list of {"name", "prefix", ...}; with --out')
    .option('--out <folder>', 'where the concepts of a list go, as <name>.safetensors');
  const settingsOf = addSettings(command, ['model', 'modelsDirectory', 'dataDirectory', 'threads']);
  command.addHelpText(
    'after',
    '\nWhile a server runs on the same data directory, fit over HTTP instead: POST /v1/fits.',
  );
  command.action(async (name: string | undefined, options: FitOptions) => {
    const settings = settingsOf({ ...options });
    const { list, out } = options;
    if (list !== undefined) {
      if (name !== undefined || options.prefix !== undefined || out === undefined) {
        command.error('error: --list takes --out, and neither a name nor --prefix');
      }
      const requests = await readFitList(list, settings.model);
      await fitIntoFolder(requests, out, settings);
    } else {
      if (name === undefined || options.prefix === undefined || out !== undefined) {
        command.error('error: a name with --prefix is needed, or --list with --out');
      }
      const request: FitRequest = validate(FitRequest, {
        name,
        prefix: options.prefix,
        ...numberOption('seed', options.seed),
        ...numberOption('max_tokens', options.maxTokens),
      });
      await fitIntoStore(request, settings);
    }
  });
}

const numberOption = (name: string, value: string | undefined) =>
  value === undefined ? {} : { [name]: /^\d+$/.test(value) ? Number(value) : value };

/**
 * Reads a list of fits for one model.
 * @throws SteerdError naming the entry and the field at fault.
 */
export async function readFitList(file: string, model: string): Promise<FitRequest[]> {
  let value: unknown;
  try {
    value = parseStrictJson(await readFile(file, 'utf8'));
  } catch (error) {
    if (error instanceof JsonError) throw errors.invalidRequest(`${file} is not JSON: ${error.message}`, 'list');
    throw error;
  }
  const { list } = validate(z.object({ list: z.array(FitRequest).min(1) }), { list: value });
  const names = new Set<string>();
  list.forEach((entry, index) => {
    if (!fileName.test(entry.name)) {
      throw errors.invalidValue(`list[${index}].name`, '1 to 64 of a-z, 0-9 and "-"', entry.name);
    }
    if (names.has(entry.name)) throw errors.invalidValue(`list[${index}].name`, 'new in its list', entry.name);
    names.add(entry.name);
    if (entry.model !== undefined && entry.model !== model) {
      throw errors.invalidValue(`list[${index}].model`, `left out or ${model}, the model loaded`, entry.model);
    }
  });
  return list;
}
