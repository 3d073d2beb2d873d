/**
 * A list of texts: lines, or the column of that name in CSV, JSON lines or JSON. Lines are taken as they are, commas and quotes too,
 * unless the first one names the column. Runs in browsers as well.
 */
import { isObject, kindOf, plainText, type Remark, readCells, readJsonLines } from './rows.js';

export interface Texts {
  readonly texts: readonly string[];
  readonly faults: readonly Remark[];
  readonly notes: readonly Remark[];
}

/** @param names of the column, in the order in which they are looked for */
export function readTexts(
  text: string,
  names: readonly string[],
  parse: (text: string) => unknown = JSON.parse,
): Texts {
  const clean = plainText(text);
  const kind = kindOf(clean, parse);
  if (kind === 'separated') return fromCells(clean, names);
  if (kind === 'jsonl') {
    const { rows, faults, notes } = readJsonLines(clean, parse);
    return taken(
      rows.map(({ at, value }) => ({ at, value: fieldOf(value, names) })),
      faults,
      notes,
    );
  }
  let value: unknown;
  try {
    value = parse(clean);
  } catch (error) {
    return {
      texts: [],
      faults: [{ at: 'the file', what: `is no JSON: ${(error as Error).message}` }],
      notes: [],
    };
  }
  const list = Array.isArray(value) ? value : [value];
  return taken(
    list.map((entry, index) => ({
      at: `entry ${index + 1}`,
      value: isObject(entry) ? fieldOf(entry, names) : entry,
    })),
    [],
    [],
  );
}

const fieldOf = (value: Record<string, unknown>, names: readonly string[]) =>
  names.map((name) => value[name]).find((field) => field !== undefined);

function fromCells(text: string, names: readonly string[]): Texts {
  const { rows, faults, notes } = readCells(text);
  const headings = rows[0]?.value.map((cell) => cell.trim().toLowerCase()) ?? [];
  const column = names.map((name) => headings.indexOf(name)).find((index) => index >= 0);
  if (column !== undefined) {
    return taken(
      rows.slice(1).map(({ at, value }) => ({ at, value: value[column] })),
      faults,
      notes,
    );
  }
  const lines = text.replace(/\n$/, '').split('\n');
  const empty = lines.flatMap((line, index) => (line.trim() === '' ? [index + 1] : []));
  return {
    texts: lines.map((line) => line.trim()).filter((line) => line !== ''),
    faults: [],
    notes: empty.map((line) => ({ at: `line ${line}`, what: 'is empty' })),
  };
}

function taken(
  rows: readonly { readonly at: string; readonly value: unknown }[],
  faults: readonly Remark[],
  notes: readonly Remark[],
): Texts {
  const texts: string[] = [];
  const wrong: Remark[] = [];
  for (const { at, value } of rows) {
    if (typeof value === 'string' && value.trim() !== '') texts.push(value);
    else wrong.push({ at, what: 'has no text' });
  }
  return { texts, faults: [...faults, ...wrong], notes };
}
