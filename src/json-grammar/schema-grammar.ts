/**
 * Turns a JSON schema (draft 2020-12, and the keywords of draft 7) into a grammar whose texts all validate against it.
 * The reverse does not hold: answers are on one line, declared properties come in the schema's order, and additional
 * ones only where additionalProperties allows them explicitly. A keyword that no grammar can enforce is refused.
 */
import { either, literal, Rules } from './ebnf.js';
import { Exclusion } from './exclusion.js';
import { anyValue, jsonText } from './json-values.js';
import type { Loosening } from './loosening.js';
import { checkList, refuse } from './refusal.js';
import {
  assertions,
  hasType,
  isSchema,
  type JsonType,
  jsonTypes,
  merge,
  referenced,
  type Schema,
  typeList,
} from './schema-parts.js';
import { type PartWriter, type Place, TypedValues } from './typed-values.js';

const mostDepth = 24;
const mostNodes = 2_000;
/** Characters. */
const longestSchema = 100_000;
const longestGrammar = 400_000;
const mostParts = 200;
const mostValues = 2_000;

/** Keywords of which a schema has at most one here; `type` and its keywords stand alone or beside it. */
const combiningKeywords = ['$ref', 'allOf', 'anyOf', 'oneOf', 'const', 'enum'];

/** The grammar in EBNF. @throws SchemaRefusal, with the place in the schema and the reason */
export function schemaGrammar(schema: unknown): string {
  const rules = new Rules();
  const grammar = rules.grammar(schemaExpression(schema, rules));
  if (grammar.length > longestGrammar) refuse('the schema', 'makes too large a grammar');
  return grammar;
}

/**
 * The expression of a value that validates against the schema, with its rules among `rules`.
 * @param loosening lets places give way that cannot be held to, instead of refusing them
 * @throws SchemaRefusal
 */
export function schemaExpression(schema: unknown, rules: Rules, loosening: Loosening | null = null): string {
  checkSize(schema);
  return new SchemaWriter(schema, rules, loosening).value(schema, { path: 'schema', depth: 0, open: [] });
}

/**
 * Bounds the time of whatever reads a schema whole, or parts of it more than once: it is for before that.
 * @throws SchemaRefusal
 */
export function checkSize(schema: unknown): void {
  if ((JSON.stringify(schema)?.length ?? 0) > longestSchema)
    refuse('the schema', `has more than ${longestSchema} characters`);
}

class SchemaWriter implements PartWriter {
  readonly #references = new Map<string, string>();
  readonly #exclusion = new Exclusion((schema) => this.resolve(schema));
  readonly #typed: TypedValues;
  readonly #before: number;
  #nodes = 0;

  constructor(
    readonly root: unknown,
    readonly rules: Rules,
    readonly loosening: Loosening | null,
  ) {
    this.#before = rules.length;
    this.#typed = new TypedValues(rules, this, loosening !== null);
  }

  /** The expression of a value that validates against `schema`. */
  value(schema: unknown, place: Place): string {
    if (this.loosening === null) return this.#written(schema, place);
    const write = (looser: unknown) => this.#written(looser, place);
    return this.loosening.writeLooser(schema, place.path, write) ?? anyValue(this.rules);
  }

  #written(schema: unknown, place: Place): string {
    const { path, depth } = place;
    if (depth > mostDepth) refuse(path, `is deeper than ${mostDepth} levels`);
    if (++this.#nodes > mostNodes) refuse('the schema', `has more than ${mostNodes} parts`);
    this.loosening?.countPart();
    if (this.rules.length - this.#before > longestGrammar) refuse('the schema', 'makes too large a grammar');
    if (schema === true) return anyValue(this.rules);
    if (schema === false) refuse(path, 'is false: there is no such value');
    if (!isSchema(schema)) return refuse(path, 'must be a schema: an object');
    const asserted = assertions(schema);
    for (const type of typeList(asserted))
      if (!jsonTypes.includes(type as JsonType))
        refuse(`${path}.type`, `must be one of ${jsonTypes.join(', ')}`);
    const keyword = combiningKeywords.find((key) => key in asserted);
    if (keyword === undefined) return this.#typed.of(asserted, place);
    const { [keyword]: inner, ...rest } = asserted;
    switch (keyword) {
      case '$ref':
        return this.#reference(inner, rest, place);
      case 'allOf':
        return this.value(this.#all(inner, rest, place), { ...place, depth: depth + 1 });
      case 'anyOf':
      case 'oneOf':
        return this.#anyOf(keyword, inner, rest, place);
      default:
        return this.#values(keyword, keyword === 'const' ? [inner] : inner, rest, place);
    }
  }

  #reference(reference: unknown, rest: Schema, place: Place): string {
    const path = `${place.path}.$ref`;
    const target = typeof reference === 'string' ? referenced(this.root, reference) : undefined;
    if (typeof reference !== 'string' || target === undefined)
      return refuse(
        path,
        `must refer to a part of this schema; received ${JSON.stringify(reference)?.slice(0, 80)}`,
      );
    if (place.open.includes(reference)) refuse(path, 'leads back to itself');
    const open = [...place.open, reference];
    if (Object.keys(rest).length > 0) {
      const merged = isSchema(target) ? merge(assertions(target), rest) : path;
      if (typeof merged === 'string') return refuse(path, `cannot be combined with ${merged} beside it`);
      return this.value(merged, { ...place, depth: place.depth + 1, open });
    }
    const known = this.#references.get(reference);
    if (known !== undefined) return known;
    const name = this.rules.reserve();
    this.#references.set(reference, name);
    // The rule is shared by all references to it, so its depth counts from its own beginning.
    this.rules.define(name, this.value(target, { path: reference, depth: 0, open }));
    return name;
  }

  /** Follows references until there is none. */
  resolve(schema: unknown): unknown {
    let at = schema;
    for (let i = 0; i < mostDepth && isSchema(at) && typeof at.$ref === 'string'; i++)
      at = referenced(this.root, at.$ref);
    return at;
  }

  /** The schemas of an allOf and the keywords beside it, merged into one. */
  #all(parts: unknown, rest: Schema, { path }: Place): Schema {
    checkList(parts, `${path}.allOf`, mostParts);
    let merged: Schema = rest;
    for (const [i, part] of parts.entries()) {
      const resolved = parts.length === 1 && Object.keys(rest).length === 0 ? part : this.resolve(part);
      if (resolved === true) continue;
      if (!isSchema(resolved)) return refuse(`${path}.allOf.${i}`, 'must be a schema: an object');
      const both = merge(merged, assertions(resolved));
      if (typeof both === 'string')
        return refuse(
          `${path}.allOf.${i}.${both}`,
          'cannot be combined with the others: write it out as one schema',
        );
      merged = both;
    }
    return merged;
  }

  #anyOf(key: 'anyOf' | 'oneOf', parts: unknown, rest: Schema, place: Place): string {
    const path = `${place.path}.${key}`;
    checkList(parts, path, mostParts);
    if (key === 'oneOf') {
      for (const [i, part] of parts.entries())
        for (const [j, other] of parts.entries())
          if (i < j && !this.#exclusion.holds(part, other))
            refuse(path, `has alternatives that could both fit (${i} and ${j}): use anyOf`);
    }
    const alternatives = parts.map((part, i) => {
      const inner = { path: `${path}.${i}`, depth: place.depth + 1, open: place.open };
      if (Object.keys(rest).length === 0) return this.value(part, inner);
      const resolved = this.resolve(part);
      const merged = isSchema(resolved) ? merge(assertions(resolved), rest) : 'a schema that is no object';
      if (typeof merged === 'string')
        return refuse(inner.path, `cannot be combined with ${merged} beside it`);
      return this.value(merged, inner);
    });
    return this.rules.add(either(alternatives));
  }

  #values(key: string, values: unknown, rest: Schema, { path }: Place): string {
    checkList(values, `${path}.${key}`, mostValues);
    const { type: _, ...more } = rest;
    const [beside] = Object.keys(more);
    if (beside !== undefined) refuse(`${path}.${beside}`, `is not supported beside ${key}`);
    const fitting = values.filter((value) => hasType(value, typeList(rest)));
    if (fitting.length === 0) refuse(`${path}.${key}`, 'has no value of the type beside it');
    // JSON has 1e400, and JavaScript reads it as Infinity, which JSON cannot write.
    if (fitting.some((value) => value === Infinity || value === -Infinity))
      refuse(`${path}.${key}`, 'has a number that no double can hold');
    return this.rules.add(either([...new Set(fitting.map(jsonText))].map(literal)));
  }
}
