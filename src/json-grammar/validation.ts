/**
 * Whether a JSON value validates against a schema (draft 2020-12), by reading the schema: schemas come with requests, so
 * none is compiled to code. Formats are not checked, as draft 2020-12 has it by default. Patterns are tried with a limit
 * of time, since some take for ever.
 */
import { PatternTrials } from './pattern-trials.js';
import { hasType, isSchema, referenced, type Schema, typeList } from './schema-parts.js';

/** What is wrong with a value, and where: "/a/0 must be a string". */
export interface Fault {
  /** JSON pointer into the value; empty for the value itself. */
  readonly at: string;
  readonly message: string;
}

const mostDepth = 64;
/** Schemas applied to values in one validation. */
const mostSteps = 100_000;

/** The first fault; null for a value that validates, and where the schema is too large to tell. */
export function faultOf(schema: unknown, value: unknown): Fault | null {
  try {
    return new Validator(schema).check(schema, value, '', 0, new Seen());
  } catch (error) {
    // A value that a model made may be deeper than this thread's stack.
    if (error instanceof TooMuch || error instanceof RangeError) return null;
    throw error;
  }
}

class TooMuch extends Error {}

/** Properties and items that a schema or those it consists of have looked at, for `unevaluated...`. */
class Seen {
  readonly keys = new Set<string>();
  items = 0;

  add(other: Seen): void {
    for (const key of other.keys) this.keys.add(key);
    this.items = Math.max(this.items, other.items);
  }
}

const same = (a: unknown, b: unknown): boolean => canonical(a) === canonical(b);

/** JSON with the keys of objects in order. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isSchema(value)) return JSON.stringify(value) ?? 'undefined';
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
}

/** Whether a number is a multiple as it is written: 0.07 is one of 0.01, though its double is not. */
function isMultiple(value: number, step: number): boolean {
  if (!(step > 0)) return true;
  if (Number.isInteger(value) && Number.isInteger(step)) return value % step === 0;
  const quotient = value / step;
  return Math.abs(quotient - Math.round(quotient)) <= 1e-9 + 4 * Number.EPSILON * Math.abs(quotient);
}

type Check = (schema: Schema, value: never, trials: PatternTrials) => string | null;
const number = (value: unknown, otherwise: number) => (typeof value === 'number' ? value : otherwise);

const ofNumbers: Check = (schema, value: number) => {
  if (value < number(schema.minimum, -Infinity)) return `must be at least ${String(schema.minimum)}`;
  if (value > number(schema.maximum, Infinity)) return `must be at most ${String(schema.maximum)}`;
  if (value <= number(schema.exclusiveMinimum, -Infinity))
    return `must be above ${String(schema.exclusiveMinimum)}`;
  if (value >= number(schema.exclusiveMaximum, Infinity))
    return `must be below ${String(schema.exclusiveMaximum)}`;
  if (typeof schema.multipleOf === 'number' && !isMultiple(value, schema.multipleOf))
    return `must be a multiple of ${schema.multipleOf}`;
  return null;
};

const ofStrings: Check = (schema, value: string, trials) => {
  const { length } = [...value];
  if (length < number(schema.minLength, 0))
    return `must have at least ${String(schema.minLength)} characters`;
  if (length > number(schema.maxLength, Infinity))
    return `must have at most ${String(schema.maxLength)} characters`;
  if (typeof schema.pattern === 'string' && !trials.matches(schema.pattern, value))
    return `must match ${schema.pattern.slice(0, 200)}`;
  return null;
};

const ofLists: Check = (schema, value: readonly unknown[]) => {
  if (value.length < number(schema.minItems, 0)) return `must have at least ${String(schema.minItems)} items`;
  if (value.length > number(schema.maxItems, Infinity))
    return `must have at most ${String(schema.maxItems)} items`;
  if (schema.uniqueItems === true && new Set(value.map(canonical)).size < value.length)
    return 'must not have the same item twice';
  return null;
};

const ofObjects: Check = (schema, value: Schema) => {
  const keys = Object.keys(value);
  const missing = Array.isArray(schema.required)
    ? schema.required.find((name) => !Object.hasOwn(value, String(name)))
    : undefined;
  if (missing !== undefined) return `must have ${JSON.stringify(missing)}`;
  if (keys.length < number(schema.minProperties, 0))
    return `must have at least ${String(schema.minProperties)} properties`;
  if (keys.length > number(schema.maxProperties, Infinity))
    return `must have at most ${String(schema.maxProperties)} properties`;
  for (const [name, needed] of Object.entries(
    isSchema(schema.dependentRequired) ? schema.dependentRequired : {},
  )) {
    if (!Object.hasOwn(value, name) || !Array.isArray(needed)) continue;
    const lacked = needed.find((other) => !Object.hasOwn(value, String(other)));
    if (lacked !== undefined)
      return `must have ${JSON.stringify(lacked)} where it has ${JSON.stringify(name)}`;
  }
  return null;
};

class Validator {
  #steps = 0;
  readonly #trials = new PatternTrials();
  /** Of each `enum`, its values as text: it may be long, and asked for each item of a list. */
  readonly #values = new Map<readonly unknown[], ReadonlySet<string>>();

  constructor(readonly root: unknown) {}

  check(schema: unknown, value: unknown, at: string, depth: number, seen: Seen): Fault | null {
    if (++this.#steps > mostSteps || depth > mostDepth) throw new TooMuch();
    if (schema === false) return { at, message: 'must not be there' };
    if (!isSchema(schema)) return null;
    const message = this.#plainly(schema, value);
    if (message !== null) return { at, message };
    const own = new Seen();
    const fault =
      this.#combined(schema, value, at, depth, own) ??
      (Array.isArray(value) ? this.#items(schema, value, at, depth, own) : null) ??
      (isSchema(value) ? this.#members(schema, value, at, depth, own) : null);
    seen.add(own);
    return fault;
  }

  #fits(schema: unknown, value: unknown, depth: number, seen: Seen): boolean {
    const own = new Seen();
    const fits = this.check(schema, value, '', depth + 1, own) === null;
    if (fits) seen.add(own);
    return fits;
  }

  #isOneOf(values: readonly unknown[], value: unknown): boolean {
    let known = this.#values.get(values);
    if (known === undefined) {
      known = new Set(values.map(canonical));
      this.#values.set(values, known);
    }
    return known.has(canonical(value));
  }

  #plainly(schema: Schema, value: unknown): string | null {
    if (!hasType(value, typeList(schema))) return `must be ${typeList(schema).join(' or ')}`;
    if ('const' in schema && !same(schema.const, value)) return `must be ${JSON.stringify(schema.const)}`;
    if (Array.isArray(schema.enum) && !this.#isOneOf(schema.enum, value))
      return `must be one of ${JSON.stringify(schema.enum).slice(0, 200)}`;
    if (typeof value === 'number') return ofNumbers(schema, value as never, this.#trials);
    if (typeof value === 'string') return ofStrings(schema, value as never, this.#trials);
    if (Array.isArray(value)) return ofLists(schema, value as never, this.#trials);
    return isSchema(value) ? ofObjects(schema, value as never, this.#trials) : null;
  }

  #combined(schema: Schema, value: unknown, at: string, depth: number, seen: Seen): Fault | null {
    const { $ref, allOf, anyOf, oneOf, not } = schema;
    if (typeof $ref === 'string') {
      const fault = this.check(referenced(this.root, $ref), value, at, depth + 1, seen);
      if (fault) return fault;
    }
    for (const part of Array.isArray(allOf) ? allOf : []) {
      const fault = this.check(part, value, at, depth + 1, seen);
      if (fault) return fault;
    }
    // Each one is tried, since each may look at further properties.
    if (Array.isArray(anyOf) && anyOf.filter((part) => this.#fits(part, value, depth, seen)).length === 0)
      return { at, message: 'must fit one of anyOf' };
    if (Array.isArray(oneOf)) {
      const count = oneOf.filter((part) => this.#fits(part, value, depth, seen)).length;
      if (count !== 1) return { at, message: `must fit exactly one of oneOf; it fits ${count}` };
    }
    if (not !== undefined && this.#fits(not, value, depth, new Seen()))
      return { at, message: 'must not fit what not says' };
    if (schema.if !== undefined) {
      const branch = this.#fits(schema.if, value, depth, seen) ? schema.then : schema.else;
      if (branch !== undefined) return this.check(branch, value, at, depth + 1, seen);
    }
    return null;
  }

  #items(schema: Schema, value: readonly unknown[], at: string, depth: number, seen: Seen): Fault | null {
    const first = Array.isArray(schema.prefixItems) ? schema.prefixItems : [];
    const rest = schema.items;
    for (const [i, item] of value.entries()) {
      const inner = i < first.length ? first[i] : rest;
      if (inner === undefined) continue;
      seen.items = Math.max(seen.items, i + 1);
      const fault = this.check(inner, item, `${at}/${i}`, depth + 1, new Seen());
      if (fault) return fault;
    }
    if (schema.contains !== undefined) {
      const count = value.filter((item) => this.#fits(schema.contains, item, depth, new Seen())).length;
      if (count < number(schema.minContains, 1) || count > number(schema.maxContains, Infinity))
        return { at, message: `must have other items that contains fits; it has ${count}` };
    }
    if (schema.unevaluatedItems === undefined) return null;
    for (let i = seen.items; i < value.length; i++) {
      const fault = this.check(schema.unevaluatedItems, value[i], `${at}/${i}`, depth + 1, new Seen());
      if (fault) return fault;
    }
    seen.items = value.length;
    return null;
  }

  #members(schema: Schema, value: Schema, at: string, depth: number, seen: Seen): Fault | null {
    const properties = isSchema(schema.properties) ? schema.properties : {};
    const patterns = Object.entries(isSchema(schema.patternProperties) ? schema.patternProperties : {});
    for (const [name, member] of Object.entries(value)) {
      const place = `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      const own = Object.hasOwn(properties, name) ? [properties[name]] : [];
      const inner = [
        ...own,
        ...patterns.flatMap(([source, part]) => (this.#trials.matches(source, name) ? [part] : [])),
      ];
      if (inner.length === 0 && schema.additionalProperties !== undefined)
        inner.push(schema.additionalProperties);
      if (inner.length > 0) seen.keys.add(name);
      for (const part of inner) {
        const fault = this.check(part, member, place, depth + 1, new Seen());
        if (fault) return fault;
      }
      if (schema.propertyNames !== undefined && !this.#fits(schema.propertyNames, name, depth, new Seen()))
        return { at: place, message: 'must have a name that propertyNames fits' };
    }
    const dependent = isSchema(schema.dependentSchemas) ? schema.dependentSchemas : {};
    for (const [name, part] of Object.entries(dependent)) {
      const fault = Object.hasOwn(value, name) ? this.check(part, value, at, depth + 1, seen) : null;
      if (fault) return fault;
    }
    if (schema.unevaluatedProperties === undefined) return null;
    for (const [name, member] of Object.entries(value)) {
      if (seen.keys.has(name)) continue;
      const fault = this.check(schema.unevaluatedProperties, member, `${at}/${name}`, depth + 1, new Seen());
      if (fault) return fault;
      seen.keys.add(name);
    }
    return null;
  }
}
