/**
 * Pairs of texts, with a concept and without, for recipe `examples`: CSV, tabs or semicolons (columns `positive` and `negative`, or two
 * columns without headings), JSON lines or a JSON list of `{"positive", "negative"}`, and the API's own
 * `{"positive": [...], "negative": [...]}`. Every row that is not taken is told with its place.
 */
import { isObject, kindOf, plainText, type Remark, type Row, readCells, readJsonLines } from './rows.js';

/** A text, or in JSON a chat: whoever fits from it checks its messages. */
export type Side = string | readonly unknown[];
export type Pair = readonly [positive: Side, negative: Side];

export interface Pairs {
  readonly pairs: readonly Pair[];
  /** Rows that are no pair. */
  readonly faults: readonly Remark[];
  /** What was left out and loses nothing: empty lines, repeated pairs, columns of another name. */
  readonly notes: readonly Remark[];
}

const notPair = 'is not a pair of two texts';

/** @param parse what reads JSON; throws an Error that says what is wrong */
export function readPairs(text: string, parse: (text: string) => unknown = JSON.parse): Pairs {
  const clean = plainText(text);
  if (clean.trim() === '') return { pairs: [], faults: [], notes: [] };
  const kind = kindOf(clean, parse);
  if (kind === 'json') return fromJson(clean, parse);
  if (kind === 'separated') return fromCells(clean);
  const { rows, faults, notes } = readJsonLines(clean, parse);
  return distinct(
    rows.map(({ at, value }) => ({ at, value: [value.positive, value.negative] })),
    faults,
    notes,
  );
}

function fromJson(text: string, parse: (text: string) => unknown): Pairs {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    const what = `is no JSON: ${(error as Error).message}`;
    return { pairs: [], faults: [{ at: 'the file', what }], notes: [] };
  }
  const rows = (list: readonly (readonly [unknown, unknown])[]) =>
    list.map((pair, index) => ({ at: `entry ${index + 1}`, value: pair }));
  if (Array.isArray(value))
    return distinct(
      rows(value.map((entry) => (isObject(entry) ? [entry.positive, entry.negative] : entry))),
      [],
      [],
    );
  const { positive, negative } = value as Record<string, unknown>;
  const isChat = (side: unknown) => Array.isArray(side) && side.length > 0 && side.every(isMessage);
  // A single pair, in a file of one line.
  if (!Array.isArray(positive) || !Array.isArray(negative) || (isChat(positive) && isChat(negative)))
    return distinct(rows([[positive, negative]]), [], []);
  if (positive.length !== negative.length) {
    const what = `has ${positive.length} texts in "positive" and ${negative.length} in "negative"`;
    return { pairs: [], faults: [{ at: 'the file', what }], notes: [] };
  }
  return distinct(rows(positive.map((one, index) => [one, negative[index]])), [], []);
}

const isMessage = (value: unknown) => isObject(value) && 'role' in value;

function fromCells(text: string): Pairs {
  const { rows, faults, notes } = readCells(text);
  const headings = rows[0]?.value.map((cell) => cell.trim().toLowerCase()) ?? [];
  const column = (name: string) => headings.findIndex((cell) => cell === name || cell === `${name}s`);
  const [positive, negative] = [column('positive'), column('negative')];
  if (positive < 0 || negative < 0) {
    return distinct(
      rows.map(({ at, value }) => ({ at, value })),
      faults,
      notes,
    );
  }
  const others = headings.filter((_, index) => index !== positive && index !== negative);
  const unread: Remark[] = others.map((name) => ({
    at: rows[0]?.at ?? 'line 1',
    what: `names a column ${JSON.stringify(name)} that is not read`,
  }));
  const chosen = rows.slice(1).map(
    ({ at, value }): Row<readonly unknown[]> => ({
      at,
      value: value.length === headings.length ? [value[positive], value[negative]] : value.slice(0, 1),
    }),
  );
  return distinct(chosen, faults, [...notes, ...unread]);
}

const isSide = (value: unknown): value is Side =>
  typeof value === 'string' ? value.trim() !== '' : Array.isArray(value) && value.length > 0;

const trimmed = (side: Side): Side => (typeof side === 'string' ? side.trim() : side);

/** Pairs in their order, each once: the repetition of one would count it twice. */
function distinct(
  rows: readonly Row<readonly unknown[]>[],
  faults: readonly Remark[],
  notes: readonly Remark[],
): Pairs {
  const pairs: Pair[] = [];
  const wrong: Remark[] = [];
  const repeated: Remark[] = [];
  const seen = new Map<string, string>();
  for (const { at, value } of rows) {
    const [positive, negative] = value;
    if (value.length !== 2 || !isSide(positive) || !isSide(negative)) {
      wrong.push({ at, what: notPair });
      continue;
    }
    const pair: Pair = [trimmed(positive), trimmed(negative)];
    const key = JSON.stringify(pair);
    const before = seen.get(key);
    if (before !== undefined) repeated.push({ at, what: `repeats ${before}` });
    else {
      seen.set(key, at);
      pairs.push(pair);
    }
  }
  return { pairs, faults: byPlace([...faults, ...wrong]), notes: byPlace([...notes, ...repeated]) };
}

const byPlace = (remarks: readonly Remark[]): Remark[] =>
  [...remarks].sort((a, b) => numberIn(a.at) - numberIn(b.at));
const numberIn = (at: string) => Number(/\d+/.exec(at)?.[0] ?? 0);
