/** Texts that a command is given as a file: prompts, questions. */
import { parseStrictJson } from '../common/canonical-json.js';
import { errors } from '../errors.js';
import { readTexts } from '../tables/texts.js';
import { listed, tellNotes } from './example-file.js';
import { readTextFile } from './text-file.js';

/**
 * @param field what they are, as errors call it
 * @param names of the column that has them
 * @throws SteerdError invalid_value with every place that has no text
 */
export async function promptsOf(
  file: string,
  field: string,
  names: readonly string[],
): Promise<readonly string[]> {
  const { texts, faults, notes } = readTexts(await readTextFile(file, field), names, parseStrictJson);
  if (faults.length > 0 || texts.length === 0) {
    const found = faults.length === 0 ? 'it is empty' : listed(faults);
    throw errors.invalidRequest(`${field} must be a file of texts; of ${file}: ${found}.`, field);
  }
  tellNotes(file, notes);
  return texts;
}
