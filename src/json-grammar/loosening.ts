/**
 * Loosens a schema at the places that a grammar cannot hold: the keyword at fault gives way, the rest still holds. What
 * gave way is told, so that the finished text can be validated against the schema as it was.
 */
import { refuse, SchemaRefusal } from './refusal.js';
import { isSchema, type Schema } from './schema-parts.js';

/** A place that a text is not held to while it is written. */
export interface LoosenedPlace {
  /** Such as "schema.properties.a.pattern". */
  readonly path: string;
  /** Completes the sentence that begins with the path. */
  readonly reason: string;
}

/** Keywords that only this server does not hold to: JSON Schema itself ignores any other that is unknown here. */
const assertionKeywords = new Set(
  'not if then else patternProperties dependentRequired dependentSchemas unevaluatedProperties unevaluatedItems contains minContains maxContains uniqueItems'.split(
    ' ',
  ),
);
/** Also by this server's own table of types: a keyword of it that is at fault is always told. */
const tells = (key: string) =>
  assertionKeywords.has(key) ||
  /^(min|max|exclusive|multiple|pattern|format|enum|const|required|properties|propertyNames|items|prefixItems|additional|allOf|anyOf|oneOf|type|\$ref)/.test(
    key,
  );

/**
 * Characters that counted strings and patterns of all the schemas together may be held to, and places of one list: each
 * costs the grammar compiler milliseconds, and tools come in dozens.
 */
const mostCounted = 96;
const mostCountedOne = 48;
const mostItems = 24;

/** What was loosened so far, and how much may still be counted. */
export class Loosening {
  readonly places: LoosenedPlace[] = [];
  #counted = 0;
  #parts = 0;
  readonly #paid = new Set<string>();

  /** @param mostParts of all the schemas together; those that come after so many are not read */
  constructor(readonly mostParts = Infinity) {}

  /** Each costs this thread a moment, and tools come in dozens. @throws SchemaRefusal */
  countPart(): void {
    if (++this.#parts > this.mostParts)
      refuse('the schema', `comes after more than ${this.mostParts} parts of schemas`);
  }

  tell(path: string, reason: string): void {
    if (!this.places.some((place) => place.path === path)) this.places.push({ path, reason });
  }

  /** Begins with the next schema, whose places are told apart; what is counted stays. */
  takePlaces(): LoosenedPlace[] {
    return this.places.splice(0);
  }

  /**
   * The result of `write` for the schema, or for as much of it as can be written.
   * @returns null when nothing of it can
   */
  writeLooser(schema: unknown, path: string, write: (schema: unknown) => string): string | null {
    let at = isSchema(schema) ? this.#affordable(schema, path) : schema;
    for (let tries = 0; tries < 40; tries++) {
      try {
        return write(at);
      } catch (error) {
        // What is wrong with the schema as a whole is dealt with as a whole.
        if (!(error instanceof SchemaRefusal) || error.path === 'the schema') throw error;
        const key = error.path.startsWith(`${path}.`)
          ? (error.path.slice(path.length + 1).split('.', 1)[0] ?? '')
          : '';
        if (key === '' || tells(key)) this.tell(error.path, error.reason);
        const next = isSchema(at) ? looser(at, key, error, path) : null;
        if (next === null) return null;
        at = next;
      }
    }
    return null;
  }

  /** The schema without counts that would take too long to compile. */
  #affordable(schema: Schema, path: string): Schema {
    const left: Record<string, unknown> = { ...schema };
    const drop = (key: string, most: number) => {
      this.tell(`${path}.${key}`, `counts to more than the ${most} that calls are held to`);
      delete left[key];
    };
    for (const key of ['minItems', 'maxItems'])
      if (Number(schema[key] ?? 0) > mostItems) drop(key, mostItems);
    if (typeof schema.pattern === 'string') {
      const counts = [...schema.pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)].map((match) =>
        Number(match[2] || match[1]),
      );
      if (
        !this.#pay(
          `${path}.pattern`,
          counts.reduce((sum, count) => sum + count, 0),
        )
      )
        drop('pattern', mostCountedOne);
    }
    const longest = Number(schema.maxLength ?? schema.minLength ?? 0);
    if (longest > 0 && !this.#pay(path, longest)) {
      if (schema.maxLength !== undefined) drop('maxLength', mostCountedOne);
      if (Number(schema.minLength ?? 0) > mostCountedOne / 4) drop('minLength', mostCountedOne / 4);
    }
    return left;
  }

  #pay(path: string, count: number): boolean {
    if (count === 0 || this.#paid.has(path)) return true;
    if (count > mostCountedOne || this.#counted + count > mostCounted) return false;
    this.#counted += count;
    this.#paid.add(path);
    return true;
  }
}

const without = (schema: Schema, ...keys: readonly string[]): Schema =>
  Object.fromEntries(Object.entries(schema).filter(([key]) => !keys.includes(key)));

/** The schema without what the refusal is about; null when that is all of it. */
function looser(schema: Schema, key: string, { path, reason }: SchemaRefusal, at: string): Schema | null {
  switch (key) {
    case '': {
      const bounds = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'];
      return bounds.some((bound) => bound in schema) ? without(schema, ...bounds) : null;
    }
    case 'oneOf':
      return 'anyOf' in schema || !reason.startsWith('has alternatives')
        ? without(schema, key)
        : { ...without(schema, key), anyOf: schema.oneOf };
    case 'allOf': {
      const part = Number(path.slice(at.length + 1).split('.')[1]);
      const left = Array.isArray(schema.allOf) ? schema.allOf.filter((_, i) => i !== part) : [];
      return Number.isNaN(part) || left.length === 0 ? without(schema, key) : { ...schema, allOf: left };
    }
    case 'format':
    case 'pattern':
      if (reason.includes('with a length')) return without(schema, 'minLength', 'maxLength');
      if (reason.includes('with a pattern')) return without(schema, 'pattern');
      return without(schema, key);
    case 'if':
    case 'then':
    case 'else':
      return without(schema, 'if', 'then', 'else');
    case 'required':
      return withMissing(schema);
    case 'patternProperties':
      return withPatternsAsOthers(schema);
    default:
      return key in schema ? without(schema, key) : null;
  }
}

/** Required names that `properties` lacks become properties of any value; where there may be none, they are left out. */
function withMissing(schema: Schema): Schema {
  const required = Array.isArray(schema.required) ? schema.required.map(String) : [];
  const properties = isSchema(schema.properties) ? schema.properties : {};
  if (schema.additionalProperties === false) {
    const left = required.filter((name) => Object.hasOwn(properties, name));
    return left.length === required.length ? without(schema, 'required') : { ...schema, required: left };
  }
  const missing = required.filter((name) => !Object.hasOwn(properties, name));
  if (missing.length === 0) return without(schema, 'required');
  return {
    ...schema,
    properties: { ...properties, ...Object.fromEntries(missing.map((name) => [name, true])) },
  };
}

/** Properties by pattern as additional ones: their keys may be any, their values are of the pattern's schema if it is one. */
function withPatternsAsOthers(schema: Schema): Schema {
  const patterns = isSchema(schema.patternProperties) ? Object.entries(schema.patternProperties) : [];
  const own = without(schema, 'patternProperties');
  if (isSchema(own.additionalProperties) || own.additionalProperties === true) return own;
  const [only] = patterns;
  if (only === undefined || patterns.length > 1) return { ...own, additionalProperties: true };
  const named = isSchema(own.properties) && Object.keys(own.properties).length > 0;
  return {
    ...own,
    additionalProperties: only[1],
    ...(named || 'propertyNames' in own ? {} : { propertyNames: { pattern: only[0] } }),
  };
}
