/**
 * A list of fits in a file: JSON, JSON lines or CSV with the fields of POST /v1/fits. What is said beside the list holds for the entries
 * that do not say it themselves.
 */
import { dirname } from 'node:path';
import { JsonError, parseStrictJson } from '../common/canonical-json.js';
import { errors, SteerdError } from '../errors.js';
import { exampleSetNames } from '../schemas/fit-choices.js';
import { FitRequest } from '../schemas/fits.js';
import { validated } from '../schemas/validation.js';
import { isObject, kindOf, plainText, type Row, readCells, readJsonLines } from '../tables/rows.js';
import { examplesSaid, listed, tellNotes } from './example-file.js';
import { readTextFile } from './text-file.js';

/** The same on every file system. */
const fileName = /^[a-z0-9-]{1,64}$/;

type Fields = Record<string, unknown>;

export interface ListedFit {
  /** As it was said, with what is said beside the list. */
  readonly fields: Readonly<Fields> & { readonly name: string };
  /** The same with what is left out. */
  readonly request: FitRequest;
}

interface ReadOptions {
  /** For entries that do not say them. */
  readonly defaults?: Readonly<Fields>;
  /** The one that will fit them: an entry may name it, and no other. Without, each names its own. */
  readonly model?: string | undefined;
  /** Whether concepts become files of their names. */
  readonly asFiles?: boolean;
}

/** @throws SteerdError naming the entry and the field at fault; nothing is taken of a list with a fault */
export async function readFitList(file: string, options: ReadOptions = {}): Promise<readonly ListedFit[]> {
  const { defaults = {}, model, asFiles = false } = options;
  const rows = rowsOf(plainText(await readTextFile(file, 'list')), file);
  if (rows.length === 0) throw errors.invalidRequest('list must be a list of at least 1 fit.', 'list');
  const names = new Map<string, string>();
  const list: ListedFit[] = [];
  for (const { at, value } of rows) {
    if (!isObject(value)) throw errors.invalidValue(at, 'an object with the fields of a fit', value);
    const fields = await withExamples({ ...defaults, ...value }, file, at);
    const request = inEntry(at, () => validated(FitRequest, fields));
    const { name } = request;
    const field = (what: string) => `${at}.${what}`;
    if (asFiles && !fileName.test(name)) {
      throw errors.invalidValue(field('name'), '1 to 64 of a-z, 0-9 and "-"', name);
    }
    const before = names.get(name);
    if (before !== undefined) {
      throw errors.invalidValue(field('name'), `a name that no entry before it has, such as ${before}`, name);
    }
    names.set(name, at);
    if (model !== undefined && request.model !== undefined && request.model !== model) {
      throw errors.invalidValue(field('model'), `left out or ${model}, the model that fits`, request.model);
    }
    list.push({ fields: { ...fields, name }, request });
  }
  return list;
}

/** Names the entry of what is wrong with it. */
function inEntry<T>(at: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof SteerdError ? namingEntry(error, at) : error;
  }
}

const namingEntry = ({ message, param }: SteerdError, at: string) => {
  const entry = `${at}.`;
  return errors.invalidRequest(`${entry}${message}`, param === null ? at : `${entry}${param}`);
};

/** `examples` may name a file, which is looked for beside the list. */
async function withExamples(fields: Fields, file: string, at: string): Promise<Fields> {
  const { examples } = fields;
  if (typeof examples !== 'string' || exampleSetNames.some((name) => name === examples)) return fields;
  try {
    return { ...fields, examples: await examplesSaid(examples, dirname(file)) };
  } catch (error) {
    throw error instanceof SteerdError ? namingEntry(error, at) : error;
  }
}

/** Entries with their places: `list.2` of a JSON list, `list, line 3` of lines. */
function rowsOf(text: string, file: string): readonly Row<unknown>[] {
  const kind = kindOf(text, parseStrictJson);
  if (kind === 'json') return fromJson(text, file);
  const read = kind === 'jsonl' ? readJsonLines(text, parseStrictJson) : readCells(text);
  const [fault] = read.faults;
  if (fault !== undefined) {
    throw errors.invalidRequest(
      `list must be JSON, JSON lines or CSV; of ${file}: ${listed(read.faults)}.`,
      'list',
    );
  }
  tellNotes(file, read.notes);
  const rows = read.rows as readonly Row<Fields | readonly string[]>[];
  return kind === 'jsonl' ? rows.map(placed) : fromCells(rows as readonly Row<readonly string[]>[], file);
}

const placed = ({ at, value }: Row<unknown>): Row<unknown> => ({ at: `list, ${at}`, value });

function fromJson(text: string, file: string): readonly Row<unknown>[] {
  let value: unknown;
  try {
    value = parseStrictJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw errors.invalidRequest(`list must be a JSON file; ${file} is not: ${error.message}.`, 'list');
  }
  // One object alone is a line of JSON lines.
  if (isObject(value) && 'name' in value) return [{ at: 'list, line 1', value }];
  if (!Array.isArray(value)) throw errors.invalidValue('list', 'a list of fits', value);
  return value.map((entry, index) => ({ at: `list.${index}`, value: entry }));
}

const numbers = ['seed', 'max_tokens', 'texts', 'bare_share', 'token'];
const truths: Readonly<Record<string, boolean>> = { true: true, false: false };

/** A row under headings that are the fields of a fit. An empty cell says nothing. */
function fromCells(rows: readonly Row<readonly string[]>[], file: string): readonly Row<unknown>[] {
  const headings = rows[0]?.value.map((cell) => cell.trim()) ?? [];
  if (!headings.includes('name')) {
    throw errors.invalidRequest(
      `list must be JSON, JSON lines, or CSV with a column "name"; ${file} begins with ${JSON.stringify(headings.join(',').slice(0, 60))}.`,
      'list',
    );
  }
  return rows.slice(1).map(({ at, value }) => {
    const place = `list, ${at}`;
    if (value.length !== headings.length)
      throw errors.invalidValue(place, `a row of ${headings.length} cells`, `${value.length} cells`);
    const cells = headings.flatMap((heading, index): [string, unknown][] => {
      const cell = (value[index] ?? '').trim();
      return cell === '' ? [] : [[heading, inEntry(place, () => fromCell(heading, cell))]];
    });
    return { at: place, value: Object.fromEntries(cells) };
  });
}

/** A list in a cell is JSON; of subjects also with a vertical bar between them. */
function fromCell(field: string, cell: string): unknown {
  if (numbers.includes(field) && Number.isFinite(Number(cell))) return Number(cell);
  if (field === 'calibrate') return truths[cell.toLowerCase()] ?? cell;
  if (/^[[{]/.test(cell) && !['name', 'prefix', 'subject', 'opposite'].includes(field)) {
    try {
      return parseStrictJson(cell);
    } catch (error) {
      throw errors.invalidRequest(
        `${field} must be JSON where it begins so: ${(error as Error).message}.`,
        field,
      );
    }
  }
  return field === 'others' ? cell.split('|').map((one) => one.trim()) : cell;
}
