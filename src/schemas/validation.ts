/**
 * From zod's issues to one error a user can act on: field, requirement, value received. A schema may bring
 * its own message: one that starts with "must" completes "<field> ...; received <value>.", any other is a
 * whole sentence.
 */
import { z } from 'zod';
import { errors, type SteerdError, shown } from '../errors.js';

type Path = readonly PropertyKey[];
type RawIssue = z.core.$ZodRawIssue;

const article = (noun: string) => (/^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`);

const typeNames: Readonly<Record<string, string>> = {
  int: 'an integer',
  number: 'a finite number',
  record: 'an object',
  array: 'a list',
};

const units: Readonly<Record<string, string>> = { string: 'characters', array: 'items', set: 'items' };

/** Says a size or range: "a number of at most 2", "a list of at least 1 items". */
function bound(
  issue: { origin: string; inclusive?: boolean },
  side: 'least' | 'most',
  limit: unknown,
): string {
  const unit = units[issue.origin];
  if (unit !== undefined) {
    return `must be ${typeNames[issue.origin] ?? article(issue.origin)} of at ${side} ${limit} ${limit === 1 ? unit.slice(0, -1) : unit}`;
  }
  if (issue.inclusive === false) return `must be ${side === 'least' ? 'above' : 'below'} ${limit}`;
  return `must be at ${side} ${limit}`;
}

/** The requirement behind an issue for which the schema has no message of its own. */
export function requirement(issue: RawIssue): string {
  switch (issue.code) {
    case 'invalid_type': {
      // zod says "number" of a text where an integer is wanted.
      const integer = issue.inst instanceof z.ZodNumberFormat;
      return `must be ${typeNames[integer ? 'int' : issue.expected] ?? article(issue.expected)}`;
    }
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(shown).join(', ')}`;
    case 'too_small':
      return bound(issue, 'least', issue.minimum);
    case 'too_big':
      return bound(issue, 'most', issue.maximum);
    case 'unrecognized_keys':
      return `has no field ${issue.keys.map(shown).join(', ')}`;
    case 'invalid_format':
      return `must be ${issue.format === 'regex' ? 'of the documented form' : article(issue.format)}`;
    default:
      return 'must be of the documented form';
  }
}

export interface Fault {
  readonly path: Path;
  readonly message: string;
}

/** The fault at the deepest path: of a union, in the branch that matched furthest. */
export function fault(issue: z.core.$ZodIssue): Fault {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) {
    return { path: issue.path, message: issue.message };
  }
  const branches = issue.errors.flatMap((branch) => (branch[0] === undefined ? [] : [fault(branch[0])]));
  const deepest = branches.reduce((best, branch) => (gotFurther(branch.path, best.path) ? branch : best));
  if (deepest.path.length > 0) {
    return { path: [...issue.path, ...deepest.path], message: deepest.message };
  }
  const whole = branches.filter(({ message }) => message.startsWith('must be '));
  if (whole.length === 0) return { path: issue.path, message: deepest.message };
  const kinds = [...new Set(whole.map(({ message }) => message.slice('must be '.length)))];
  return { path: issue.path, message: `must be ${kinds.join(' or ')}` };
}

function gotFurther(path: Path, than: Path): boolean {
  if (path.length !== than.length) return path.length > than.length;
  const at = path.findIndex((key, i) => key !== than[i]);
  return at !== -1 && Number(path[at]) > Number(than[at]);
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<PropertyKey, unknown>)[key];
  }
  return at;
}

/** Describes a value without repeating all of it. */
function received(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value !== 'object' || value === null) return shown(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  const keys = Object.keys(value);
  return keys.length === 0 ? 'an empty object' : `an object with ${shown(keys.slice(0, 5).join(', '))}`;
}

/** What came under another name (as-sent.ts) is not at its path. The input of a check of a whole object is that object. */
const elsewhere = ({ code, path, input }: z.core.$ZodIssue): unknown =>
  code !== 'custom' && path.length === 1 ? input : undefined;

/** The part of the request as messages call it when no field of it is at fault. */
export type RequestPart = 'body' | 'querystring' | 'params' | 'headers';

/**
 * Checks `value` against `schema`.
 * @returns the parsed value, or the first fault as a SteerdError with `param` as a dotted path
 */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  part: RequestPart = 'body',
): { readonly value: z.output<Schema> } | { readonly error: SteerdError } {
  const parsed = schema.safeParse(value, { error: requirement, reportInput: true });
  if (parsed.success) return { value: parsed.data };
  const [issue] = parsed.error.issues;
  if (issue === undefined) throw new Error('zod failed without an issue');
  const { path, message } = fault(issue);
  const param = path.length === 0 ? null : path.map(String).join('.');
  const name = param ?? (part === 'body' ? 'the request body' : `the request's ${part}`);
  const sentence = message.startsWith('must ')
    ? `${name} ${message}; received ${received(valueAt(value ?? undefined, path) ?? elsewhere(issue))}.`
    : message;
  return { error: errors.invalidRequest(sentence, param) };
}

/** The value that `validate` finds right. @throws SteerdError what it says otherwise */
export function validated<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const checked = validate(schema, value);
  if ('error' in checked) throw checked.error;
  return checked.value;
}
