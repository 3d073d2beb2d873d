/** The concepts of a run: the paper's 512 names or the user's list, all of them or some of each class. */
import { JsonError, parseStrictJson } from '../common/canonical-json.js';
import { Random } from '../common/random.js';
import { errors } from '../errors.js';
import { classPrefix } from '../fitting/contrast/stated-concept.js';
import { type ConceptClassName, conceptClassNames } from '../schemas/fit-choices.js';
import {
  inWords,
  isObject,
  kindOf,
  plainText,
  type Remark,
  type Row,
  readCells,
  readJsonLines,
} from '../tables/rows.js';
import { fears } from './names/fears.js';
import { moods } from './names/moods.js';
import { personalities } from './names/personalities.js';
import { personas } from './names/personas.js';
import { places } from './names/places.js';
import type { BenchConcept } from './records.js';

export const paperNames: Readonly<Record<ConceptClassName, readonly string[]>> = {
  fears,
  moods,
  personas,
  personalities,
  places,
};

/** The class of a listed concept that names none. */
export const noClass = 'custom';

const limits = { name: 200, prefix: 4000, prompts: 64, prompt: 2000, concepts: 100_000 } as const;

export const paperConcepts = (): BenchConcept[] =>
  conceptClassNames.flatMap((name) =>
    paperNames[name].map((subject) => ({
      name: subject,
      class: name,
      prefix: classPrefix(name, subject),
      subject,
      prompts: null,
    })),
  );

/**
 * A list in CSV (columns `name`, `class`, `prefix`, `prompts`) or JSON lines of the same fields. `prompts` is a list, in a
 * cell with vertical bars between them. A class of the paper's states the name by its sentence; any other needs a prefix.
 * @param onNotes hears of what was left out and loses nothing, such as empty lines
 * @throws SteerdError naming the place and the field at fault
 */
export function readConcepts(
  text: string,
  file: string,
  onNotes: (notes: readonly Remark[]) => void = () => {},
): BenchConcept[] {
  const rows = rowsOf(plainText(text), file, onNotes);
  if (rows.length === 0 || rows.length > limits.concepts)
    throw errors.invalidValue('list', `a list of 1 to ${limits.concepts} concepts`, `${rows.length} of them`);
  return conceptsIn(rows, (at) => `list, ${at}`);
}

/**
 * The same of rows that are read already.
 * @param field names a row in messages, by its place
 */
export function conceptsIn(rows: readonly Row<Fields>[], field: (at: string) => string): BenchConcept[] {
  const seen = new Map<string, string>();
  return rows.map(({ at, value }) => {
    const concept = conceptOf(value, field(at));
    const key = keyOf(concept);
    const before = seen.get(key);
    if (before !== undefined)
      throw errors.invalidValue(field(at), `another concept than ${before}`, concept.name);
    seen.set(key, at);
    return concept;
  });
}

/** What a concept of a run is called, where it has to be one text. */
export const keyOf = ({ class: group, name }: Pick<BenchConcept, 'class' | 'name'>): string =>
  `${group}/${name}`;

type Fields = Record<string, unknown>;

/** Faults that are told one by one. */
const mostTold = 8;

function rowsOf(
  text: string,
  file: string,
  onNotes: (notes: readonly Remark[]) => void,
): readonly Row<Fields>[] {
  const kind = kindOf(text, parseStrictJson);
  if (kind === 'json') return fromJson(text, file);
  const { rows, faults, notes } = kind === 'jsonl' ? readJsonLines(text, parseStrictJson) : readCells(text);
  if (faults.length > 0) {
    const told = faults.slice(0, mostTold).map(inWords).join('; ');
    const more = faults.length > mostTold ? `; and ${faults.length - mostTold} more` : '';
    throw errors.invalidRequest(`list must be CSV, JSON lines or JSON; of ${file}: ${told}${more}.`, 'list');
  }
  onNotes(notes);
  return kind === 'jsonl'
    ? (rows as readonly Row<Fields>[])
    : fromCells(rows as readonly Row<readonly string[]>[], file);
}

function fromJson(text: string, file: string): Row<Fields>[] {
  let value: unknown;
  try {
    value = parseStrictJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw errors.invalidRequest(`list must be JSON; ${file} is not: ${error.message}.`, 'list');
  }
  const list = Array.isArray(value) ? value : [value];
  return list.map((entry, index) => {
    if (!isObject(entry)) throw errors.invalidValue(`list.${index}`, 'an object with a name', entry);
    return { at: `entry ${index + 1}`, value: entry };
  });
}

function fromCells(rows: readonly Row<readonly string[]>[], file: string): Row<Fields>[] {
  const headings = rows[0]?.value.map((cell) => cell.trim().toLowerCase()) ?? [];
  if (!headings.includes('name')) {
    const begins = JSON.stringify(headings.join(',').slice(0, 60));
    throw errors.invalidRequest(`list must have a column "name"; ${file} begins with ${begins}.`, 'list');
  }
  const twice = headings.find((heading, index) => headings.indexOf(heading) !== index);
  if (twice !== undefined) throw errors.invalidValue('list', 'a table with each column once', twice);
  return rows.slice(1).map(({ at, value }) => {
    // A name with a comma outside of quotes would lose what comes behind it.
    if (value.length !== headings.length)
      throw errors.invalidValue(`list, ${at}`, `a row of ${headings.length} cells`, `${value.length} cells`);
    const cells = headings.flatMap((heading, index): [string, unknown][] => {
      const cell = (value[index] ?? '').trim();
      if (cell === '') return [];
      return [[heading, heading === 'prompts' ? cell.split('|').map((one) => one.trim()) : cell]];
    });
    return { at, value: Object.fromEntries(cells) };
  });
}

const fields = ['name', 'class', 'prefix', 'prompts'];

function conceptOf(row: Fields, at: string): BenchConcept {
  const unknown = Object.keys(row).find((key) => !fields.includes(key));
  if (unknown !== undefined)
    throw errors.invalidValue(`${at}.${unknown}`, `one of ${fields.join(', ')}`, unknown);
  const textOf = (field: string, most: number) => {
    const value = row[field];
    if (value === undefined || value === null) return null;
    if (typeof value === 'string' && value.trim() !== '' && value.length <= most) return value.trim();
    throw errors.invalidValue(`${at}.${field}`, `a text of 1 to ${most} characters`, value);
  };
  const name = textOf('name', limits.name);
  if (name === null) throw errors.invalidValue(`${at}.name`, 'given', 'nothing');
  const group = textOf('class', limits.name) ?? noClass;
  const prefix = textOf('prefix', limits.prefix);
  const known = conceptClassNames.find((one) => one === group);
  if (prefix === null && known === undefined)
    throw errors.invalidValue(
      `${at}.prefix`,
      `given, or class be one of ${conceptClassNames.join(', ')}`,
      group,
    );
  return {
    name,
    class: group,
    prefix: prefix ?? classPrefix(known as ConceptClassName, name),
    subject: prefix === null ? name : null,
    prompts: promptsIn(row.prompts, `${at}.prompts`),
  };
}

function promptsIn(value: unknown, field: string): string[] | null {
  if (value === undefined || value === null) return null;
  const fits = (one: unknown): one is string =>
    typeof one === 'string' && one.trim() !== '' && one.length <= limits.prompt;
  // The built-in judge reads an answer after another question too.
  if (Array.isArray(value) && value.length >= 2 && value.length <= limits.prompts && value.every(fits))
    return value.map((one) => one.trim());
  throw errors.invalidValue(field, `a list of 2 to ${limits.prompts} texts`, value);
}

/** `count` of each class, in the list's order; all of a class that has no more. The same seed draws the same. */
export function sampleOf(concepts: readonly BenchConcept[], count: number, seed: number): BenchConcept[] {
  const chosen = new Set<BenchConcept>();
  for (const group of new Set(concepts.map((concept) => concept.class))) {
    const random = new Random(seed);
    const left = concepts.filter((concept) => concept.class === group);
    for (let i = 0; i < count && left.length > 0; i++) {
      const [one] = left.splice(Math.floor(random.uniform() * left.length), 1);
      chosen.add(one as BenchConcept);
    }
  }
  return concepts.filter((concept) => chosen.has(concept));
}

/** As many as a matrix can show; of a longer list some of each class. */
const mostConfusers = 24;
const confusersEach = 4;

/** Concepts whose messages answers are held against, to see which explains them best. */
export const confusersOf = (concepts: readonly BenchConcept[], seed: number): BenchConcept[] =>
  concepts.length <= mostConfusers
    ? [...concepts]
    : sampleOf(concepts, confusersEach, seed).slice(0, mostConfusers);
