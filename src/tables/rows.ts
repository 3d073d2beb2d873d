/**
 * Tables as people keep them: CSV (RFC 4180), the same with tabs or semicolons between the cells, JSON lines, and JSON lists, each row
 * with the place where it stands. Nothing is dropped in silence: what cannot be read is a fault, what says nothing a note. Runs in
 * browsers as well.
 */
import Papa from 'papaparse';

/** Something to tell about a place: `at` and what is there, as in "line 7" and "is empty". */
export interface Remark {
  readonly at: string;
  readonly what: string;
}

export interface Row<Value> {
  /** "line 7" of a text, "entry 7" of a JSON list. */
  readonly at: string;
  readonly value: Value;
}

export interface Rows<Value> {
  readonly rows: readonly Row<Value>[];
  /** Places that cannot be read. */
  readonly faults: readonly Remark[];
  /** Places that were left out and lose nothing: empty lines. */
  readonly notes: readonly Remark[];
}

export type Kind = 'json' | 'jsonl' | 'separated';

export const inWords = ({ at, what }: Remark): string => `${at} ${what}`;

/** Without a byte-order mark, and with line ends of one kind: those of CRLF files, within cells too, become LF. */
export const plainText = (text: string): string => text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');

/** What the first character says: a list, an object on each line (or one object alone), else cells. */
export function kindOf(text: string, parse: (text: string) => unknown = JSON.parse): Kind {
  const begin = text.trimStart();
  if (begin.startsWith('[')) return 'json';
  if (!begin.startsWith('{')) return 'separated';
  // One object over several lines is a JSON file, and objects line by line are not.
  try {
    parse(text);
    return 'json';
  } catch {
    return 'jsonl';
  }
}

/**
 * The values of JSON lines, one a line.
 * @param parse what reads one; throws an Error that says what is wrong
 */
export function readJsonLines(
  text: string,
  parse: (text: string) => unknown = JSON.parse,
): Rows<Record<string, unknown>> {
  const rows: Row<Record<string, unknown>>[] = [];
  const faults: Remark[] = [];
  const empty: number[] = [];
  const lines = text.replace(/\n$/, '').split('\n');
  for (const [index, line] of lines.entries()) {
    const at = `line ${index + 1}`;
    if (line.trim() === '') {
      empty.push(index + 1);
      continue;
    }
    try {
      const value = parse(line);
      if (isObject(value)) rows.push({ at, value });
      else faults.push({ at, what: 'is no JSON object' });
    } catch (error) {
      faults.push({ at, what: `is no JSON: ${(error as Error).message}` });
    }
  }
  return { rows, faults, notes: emptyLines(empty) };
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const separators = ['\t', ',', ';'] as const;

/**
 * The cells of each row. What separates them is what the first row has, a tab before a comma before a semicolon; a cell in quotes may
 * hold separators, line ends and doubled quotes.
 */
export function readCells(text: string): Rows<readonly string[]> {
  const rows: Row<readonly string[]>[] = [];
  const faults: Remark[] = [];
  const empty: number[] = [];
  const delimiter = separators.find((one) => firstRow(text, one).length > 1) ?? ',';
  let start = 0;
  let line = 1;
  Papa.parse<string[]>(text, {
    delimiter,
    newline: '\n',
    step({ data, errors, meta }) {
      // After the last line end there is nothing, which is no row.
      if (start >= text.length) return;
      const at = `line ${line}`;
      const wrong = errors.find(({ type }) => type === 'Quotes');
      if (wrong !== undefined) {
        const where = line + lineEnds(text, start, wrong.index ?? start);
        const what =
          errors.some(({ code }) => code === 'MissingQuotes') || wrong.code === 'MissingQuotes'
            ? 'opens a quote that nothing closes; a quote inside of a quoted cell is written twice'
            : 'has text after a closing quote; a quote inside of a quoted cell is written twice';
        faults.push({ at: `line ${where}`, what });
      } else if (data.every((cell) => cell.trim() === '')) empty.push(line);
      else rows.push({ at, value: data });
      line += lineEnds(text, start, meta.cursor);
      start = meta.cursor;
    },
  });
  return { rows, faults, notes: emptyLines(empty) };
}

const firstRow = (text: string, delimiter: string): readonly string[] =>
  Papa.parse<string[]>(text, { delimiter, newline: '\n', preview: 1 }).data[0] ?? [];

function lineEnds(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

/** Neighbours together: a thousand empty lines are one remark. */
function emptyLines(lines: readonly number[]): Remark[] {
  const runs: [first: number, last: number][] = [];
  for (const line of lines) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] === line - 1) run[1] = line;
    else runs.push([line, line]);
  }
  return runs.map(([first, last]) =>
    first === last
      ? { at: `line ${first}`, what: 'is empty' }
      : { at: `lines ${first} to ${last}`, what: 'are empty' },
  );
}
