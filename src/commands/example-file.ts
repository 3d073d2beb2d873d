/** Pairs for recipe `examples` as a command is given them: the name of a set that ships, or a file of pairs. */
import { resolve } from 'node:path';
import { parseStrictJson } from '../common/canonical-json.js';
import { errors } from '../errors.js';
import { exampleSetNames } from '../schemas/fit-choices.js';
import { readPairs, type Side } from '../tables/pairs.js';
import { inWords, type Remark } from '../tables/rows.js';
import { sayWrapped } from './output.js';
import { readTextFile } from './text-file.js';

interface Examples {
  readonly positive: readonly Side[];
  readonly negative: readonly Side[];
}

/** Faults that are told one by one. */
const mostTold = 8;

/**
 * The field `examples` of a fit. What was left out of a file is told on standard error.
 * @param said a set's name, or a file
 * @param folder that a file is looked for in
 * @throws SteerdError invalid_value when the file cannot be read or a row of it is no pair: with every place
 */
export async function examplesSaid(said: string, folder = '.'): Promise<string | Examples> {
  if (exampleSetNames.some((name) => name === said)) return said;
  if (!/[./\\]/.test(said)) {
    throw errors.invalidValue('examples', `one of ${exampleSetNames.join(', ')}, or a file of pairs`, said);
  }
  const file = resolve(folder, said);
  const { pairs, faults, notes } = readPairs(await readTextFile(file, 'examples'), parseStrictJson);
  if (faults.length > 0 || pairs.length === 0) {
    const found = faults.length === 0 ? 'it is empty' : listed(faults);
    throw errors.invalidRequest(
      `examples must be a file of pairs, CSV or JSON lines with "positive" and "negative"; of ${said}: ${found}.`,
      'examples',
    );
  }
  tellNotes(said, notes);
  return { positive: pairs.map(([one]) => one), negative: pairs.map(([, one]) => one) };
}

/** Says on standard error what was left out of a file. */
export function tellNotes(file: string, notes: readonly Remark[]): void {
  if (notes.length > 0) sayWrapped(`${file}: ${listed(notes)}; left out`, process.stderr);
}

export function listed(remarks: readonly Remark[]): string {
  const more = remarks.length - mostTold;
  const told = remarks.slice(0, mostTold).map(inWords).join('; ');
  return more > 0 ? `${told}; and ${more} more` : told;
}
