/** What concepts and models may be called: the names that the API takes and that become files and folders. */

/** No `@`, `:`, `+`, `/`: model aliases (`model@concept:strength+...`) and paths use them. */
const conceptName = /^[\p{L}\p{N}](?:[\p{L}\p{M}\p{N} _.'-]{0,126}[\p{L}\p{M}\p{N}_.'-])?$/u;

/** Whether a concept may be called that; names are in Unicode's composed form (NFC), so equal looks are equal names. */
export function isConceptName(name: string): boolean {
  return conceptName.test(name) && name === name.normalize('NFC');
}

export const conceptNameExpected =
  'a name of 1 to 128 letters, digits, spaces, "_", "-", "." or "\'", starting with a letter or digit';

/** What a model's folder, and so its id in requests, may be called: one part, no "@" (it begins an alias). */
const modelName = /^[\p{L}\p{N}_][\p{L}\p{N}_.-]{0,127}$/u;
/** Paths of the API under /v1/models, and what Windows keeps for itself. */
const taken = /^(pulls?|imports?|con|prn|aux|nul|com\d|lpt\d)$/i;

export const modelNameExpected =
  'a folder name of 1 to 128 letters, digits, "_", "-" or ".", which begins with a letter, a digit or "_"';

export const isModelName = (name: string): boolean =>
  modelName.test(name) && !name.endsWith('.') && !taken.test(name);
