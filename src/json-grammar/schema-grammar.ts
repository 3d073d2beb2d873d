/**
 * Turns a JSON schema (draft 2020-12, and the keywords of draft 7) into a grammar whose texts all validate against it.
 * The reverse does not hold: answers are on one line, declared properties come in the schema's order, and additional
 * ones only where additionalProperties allows them explicitly. A keyword that no grammar can enforce is refused.
 */
import { either, literal, Rules, repeat } from './ebnf.js';
import { Exclusion } from './exclusion.js';
import { anyValue, comma, jsonText } from './json-values.js';
import { typesOf } from './keywords.js';
import type { Loosening } from './loosening.js';
import { objectExpression } from './objects.js';
import { otherKey } from './other-keys.js';
import { checkList, count, refuse } from './refusal.js';
import { numberOf, stringOf } from './scalars.js';
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

const mostDepth = 24;
const mostNodes = 2_000;
/** Characters. */
const longestSchema = 100_000;
const longestGrammar = 400_000;
const mostParts = 200;
const mostValues = 2_000;
const longestName = 500;

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

interface Place {
  readonly path: string;
  readonly depth: number;
  /** References followed to come here without writing a character: to meet one again would be an endless loop. */
  readonly open: readonly string[];
}

class SchemaWriter {
  readonly #references = new Map<string, string>();
  readonly #exclusion = new Exclusion((schema) => this.#resolve(schema));
  readonly #before: number;
  #nodes = 0;

  constructor(
    readonly root: unknown,
    readonly rules: Rules,
    readonly loosening: Loosening | null,
  ) {
    this.#before = rules.length;
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
    if (keyword === undefined) return this.#ofTypes(asserted, place);
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
  #resolve(schema: unknown): unknown {
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
      const resolved = parts.length === 1 && Object.keys(rest).length === 0 ? part : this.#resolve(part);
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
      const resolved = this.#resolve(part);
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

  #ofTypes(schema: Schema, place: Place): string {
    const types = typesOf(schema, place.path);
    if (types.length === 0) return anyValue(this.rules);
    return this.rules.add(either(types.map((type) => this.#ofType(type, schema, place))));
  }

  #ofType(type: JsonType, schema: Schema, place: Place): string {
    switch (type) {
      case 'null':
        return literal('null');
      case 'boolean':
        return either([literal('true'), literal('false')]);
      case 'integer':
      case 'number':
        return numberOf(type, schema, place.path, this.loosening !== null);
      case 'string':
        return stringOf(this.rules, schema, place.path);
      case 'array':
        return this.#array(schema, place);
      case 'object':
        return this.#object(schema, place);
    }
  }

  #array(schema: Schema, { path, depth }: Place): string {
    const least = count(schema, 'minItems', 0, path);
    const most = count(schema, 'maxItems', Infinity, path);
    if (least > most) refuse(`${path}.maxItems`, `must be at least minItems, ${least}`);
    if (schema.uniqueItems !== undefined && most > 1) refuse(`${path}.uniqueItems`, 'is not supported here');
    const { prefixItems = [] } = schema;
    if (!Array.isArray(prefixItems)) return refuse(`${path}.prefixItems`, 'must be a list');
    const inner = (key: string) => ({ path: `${path}.${key}`, depth: depth + 1, open: [] });
    const first = prefixItems
      .slice(0, most === Infinity ? undefined : most)
      .map((item, i) => this.value(item, inner(`prefixItems.${i}`)));
    const closed = schema.items === false || (first.length > 0 && schema.items === undefined);
    const more = most - first.length;
    if (closed || more === 0) {
      if (least > first.length)
        refuse(`${path}.minItems`, `must be at most ${first.length}, the items there are`);
      return this.rules.add([literal('['), first.join(` ${comma} `) || literal(''), literal(']')].join(' '));
    }
    const item = this.rules.add(this.value(schema.items ?? true, inner('items')));
    const needed = Math.max(0, least - first.length);
    if (first.length > 0) {
      const rest = repeat(`${comma} ${item}`, needed, more);
      return this.rules.add(`${literal('[')} ${first.join(` ${comma} `)} ${rest} ${literal(']')}`);
    }
    const some = `${item} ${repeat(`${comma} ${item}`, Math.max(0, least - 1), most - 1)}`;
    return this.rules.add(`${literal('[')} ${needed === 0 ? `(${some})?` : some} ${literal(']')}`);
  }

  #object(schema: Schema, { path, depth }: Place): string {
    const inner = (key: string) => ({ path: `${path}.${key}`, depth: depth + 1, open: [] });
    const { properties = {}, required = [], propertyNames } = schema;
    if (!isSchema(properties)) return refuse(`${path}.properties`, 'must be an object');
    if (!Array.isArray(required)) return refuse(`${path}.required`, 'must be a list');
    const names = this.#namesOf(propertyNames, `${path}.propertyNames`);
    const open =
      schema.additionalProperties ?? (Object.keys(properties).length === 0 && required.length === 0);
    const all = new Map(Object.entries(properties));
    for (const name of [...required, ...(names ?? [])]) {
      if (all.has(String(name))) continue;
      if (open === false || (schema.additionalProperties === undefined && names === null))
        refuse(`${path}.required`, `names ${JSON.stringify(name)}, which properties lacks`);
      all.set(String(name), open);
    }
    const listed = [...all].flatMap(([name, value]) => {
      const optional = !required.includes(name);
      if (name.length > longestName)
        refuse(`${path}.properties`, `must have names of at most ${longestName} characters`);
      // Such a property can never be present.
      if (value === false && optional) return [];
      if (names !== null && !names.includes(name)) {
        if (optional) return [];
        refuse(`${path}.propertyNames`, `lacks ${JSON.stringify(name)}, which is required`);
      }
      const rule = this.rules.add(
        this.value(
          value,
          inner(Object.hasOwn(properties, name) ? `properties.${name}` : 'additionalProperties'),
        ),
      );
      return [{ name, value: rule, required: !optional }];
    });
    const least = count(schema, 'minProperties', 0, path);
    const most = count(schema, 'maxProperties', Infinity, path);
    const requiredCount = listed.filter((property) => property.required).length;
    const others = open !== false && names === null;
    if (others && listed.length === 0) {
      // An answer may have the same key twice, which validators count once.
      if (least > 1)
        refuse(`${path}.minProperties`, 'must be at most 1 for an object without named properties');
      const key = this.#keyOf(propertyNames, inner('propertyNames'), [...all.keys()]);
      const value = this.rules.add(this.value(open, inner('additionalProperties')));
      return this.rules.add(objectExpression(this.rules, [], { key, value, least, most }));
    }
    if (least > requiredCount)
      refuse(`${path}.minProperties`, `must be at most ${requiredCount}, the properties that are required`);
    if (most < (others ? Infinity : listed.length))
      refuse(`${path}.maxProperties`, 'is not supported beside properties');
    if (!others) return this.rules.add(objectExpression(this.rules, listed, null));
    const key = this.#keyOf(propertyNames, inner('propertyNames'), [...all.keys()]);
    const value = this.rules.add(this.value(open, inner('additionalProperties')));
    return this.rules.add(objectExpression(this.rules, listed, { key, value, least: 0, most: Infinity }));
  }

  /** The names that propertyNames lists by const or enum; null when it has neither. */
  #namesOf(schema: unknown, path: string): readonly string[] | null {
    const resolved = this.#resolve(schema);
    if (!isSchema(resolved)) return null;
    const values = 'const' in resolved ? [resolved.const] : resolved.enum;
    if (!Array.isArray(values)) return null;
    return values.map((name) => (typeof name === 'string' ? name : refuse(path, 'must list strings')));
  }

  /** The expression of an additional property's key, which is none of the `declared` names. */
  #keyOf(schema: unknown, place: Place, declared: readonly string[]): string {
    const asserted = isSchema(schema) ? assertions(schema) : {};
    if (Object.keys(asserted).every((key) => key === 'type') && (asserted.type ?? 'string') === 'string')
      return this.rules.add(otherKey(this.rules, declared));
    if (declared.length > 0) refuse(place.path, 'is not supported beside properties');
    return this.rules.add(this.value({ type: 'string', ...asserted }, place));
  }
}
