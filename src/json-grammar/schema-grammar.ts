/**
 * A JSON schema (draft 2020-12, with draft 7's words) as a grammar whose texts all validate. Not every text that
 * validates is one: the answer is on one line, properties come in the schema's order, and those that it does not name
 * only where additionalProperties says so. What a grammar cannot hold an answer to is refused, by its place.
 */
import { either, Rules, text, times } from './ebnf.js';
import { anyValue, comma, jsonText } from './json-values.js';
import { otherKey } from './keys.js';
import { typesOf } from './keywords.js';
import { numberOf, stringOf } from './leaves.js';
import { objectForm } from './objects.js';
import { checkList, count, refuse } from './refusal.js';
import {
  assertions,
  exclude,
  hasType,
  isSchema,
  type JsonType,
  jsonTypes,
  merge,
  pointed,
  type Schema,
  typeList,
} from './schema-parts.js';

const mostDepth = 24;
const mostNodes = 2_000;
/** Characters of a schema, and of its grammar. */
const longestSchema = 100_000;
const mostCharacters = 400_000;
const mostParts = 200;
const mostValues = 2_000;
const longestName = 500;

const forms = ['$ref', 'allOf', 'anyOf', 'oneOf', 'const', 'enum'];

/** @throws SchemaRefusal */
export function schemaGrammar(schema: unknown): string {
  // What is read of it more than once is read quickly.
  if ((JSON.stringify(schema)?.length ?? 0) > longestSchema)
    refuse('the schema', `has more than ${longestSchema} characters`);
  const writer = new SchemaWriter(schema);
  const grammar = writer.rules.grammar(writer.value(schema, { path: 'schema', depth: 0, open: [] }));
  if (grammar.length > mostCharacters) refuse('the schema', 'makes too large a grammar');
  return grammar;
}

interface Place {
  readonly path: string;
  readonly depth: number;
  /** References that led here without a character between. */
  readonly open: readonly string[];
}

class SchemaWriter {
  readonly rules = new Rules();
  readonly #references = new Map<string, string>();
  #nodes = 0;

  constructor(readonly root: unknown) {}

  /** The form of a value. */
  value(schema: unknown, place: Place): string {
    const { path, depth } = place;
    if (depth > mostDepth) refuse(path, `is deeper than ${mostDepth} levels`);
    if (++this.#nodes > mostNodes) refuse('the schema', `has more than ${mostNodes} parts`);
    if (this.rules.length > mostCharacters) refuse('the schema', 'makes too large a grammar');
    if (schema === true) return anyValue(this.rules);
    if (schema === false) refuse(path, 'is false: there is no such value');
    if (!isSchema(schema)) return refuse(path, 'must be a schema: an object');
    const said = assertions(schema);
    for (const type of typeList(said))
      if (!jsonTypes.includes(type as JsonType))
        refuse(`${path}.type`, `must be one of ${jsonTypes.join(', ')}`);
    const form = forms.find((key) => key in said);
    if (form === undefined) return this.#ofTypes(said, place);
    const { [form]: inner, ...rest } = said;
    switch (form) {
      case '$ref':
        return this.#reference(inner, rest, place);
      case 'allOf':
        return this.value(this.#all(inner, rest, place), { ...place, depth: depth + 1 });
      case 'anyOf':
      case 'oneOf':
        return this.#anyOf(form, inner, rest, place);
      default:
        return this.#values(form, form === 'const' ? [inner] : inner, rest, place);
    }
  }

  #reference(reference: unknown, rest: Schema, place: Place): string {
    const path = `${place.path}.$ref`;
    const target = typeof reference === 'string' ? pointed(this.root, reference) : undefined;
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
    // Its place is its own, however deep it was met.
    this.rules.define(name, this.value(target, { path: reference, depth: 0, open }));
    return name;
  }

  #resolve(schema: unknown): unknown {
    let at = schema;
    for (let i = 0; i < mostDepth && isSchema(at) && typeof at.$ref === 'string'; i++)
      at = pointed(this.root, at.$ref);
    return at;
  }

  /** Several schemas as one. */
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
          if (i < j && !exclude(part, other, (schema) => this.#resolve(schema)))
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
    return this.rules.add(either([...new Set(fitting.map(jsonText))].map(text)));
  }

  #ofTypes(schema: Schema, place: Place): string {
    const types = typesOf(schema, place.path);
    if (types.length === 0) return anyValue(this.rules);
    return this.rules.add(either(types.map((type) => this.#ofType(type, schema, place))));
  }

  #ofType(type: JsonType, schema: Schema, place: Place): string {
    switch (type) {
      case 'null':
        return text('null');
      case 'boolean':
        return either([text('true'), text('false')]);
      case 'integer':
      case 'number':
        return numberOf(type, schema, place.path);
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
      return this.rules.add([text('['), first.join(` ${comma} `) || text(''), text(']')].join(' '));
    }
    const item = this.rules.add(this.value(schema.items ?? true, inner('items')));
    const needed = Math.max(0, least - first.length);
    if (first.length > 0) {
      const rest = times(`${comma} ${item}`, needed, more);
      return this.rules.add(`${text('[')} ${first.join(` ${comma} `)} ${rest} ${text(']')}`);
    }
    const some = `${item} ${times(`${comma} ${item}`, Math.max(0, least - 1), most - 1)}`;
    return this.rules.add(`${text('[')} ${needed === 0 ? `(${some})?` : some} ${text(']')}`);
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
      // Never there.
      if (value === false && optional) return [];
      if (names !== null && !names.includes(name)) {
        if (optional) return [];
        refuse(`${path}.propertyNames`, `lacks ${JSON.stringify(name)}, which is required`);
      }
      const form = this.rules.add(
        this.value(
          value,
          inner(Object.hasOwn(properties, name) ? `properties.${name}` : 'additionalProperties'),
        ),
      );
      return [{ name, value: form, required: !optional }];
    });
    const least = count(schema, 'minProperties', 0, path);
    const most = count(schema, 'maxProperties', Infinity, path);
    const sure = listed.filter((property) => property.required).length;
    const others = open !== false && names === null;
    if (others && listed.length === 0) {
      // The same key may come twice, and counts once.
      if (least > 1)
        refuse(`${path}.minProperties`, 'must be at most 1 for an object without named properties');
      const key = this.#keyOf(propertyNames, inner('propertyNames'), [...all.keys()]);
      const value = this.rules.add(this.value(open, inner('additionalProperties')));
      return this.rules.add(objectForm(this.rules, [], { key, value, least, most }));
    }
    if (least > sure)
      refuse(`${path}.minProperties`, `must be at most ${sure}, the properties that are required`);
    if (most < (others ? Infinity : listed.length))
      refuse(`${path}.maxProperties`, 'is not supported beside properties');
    if (!others) return this.rules.add(objectForm(this.rules, listed, null));
    const key = this.#keyOf(propertyNames, inner('propertyNames'), [...all.keys()]);
    const value = this.rules.add(this.value(open, inner('additionalProperties')));
    return this.rules.add(objectForm(this.rules, listed, { key, value, least: 0, most: Infinity }));
  }

  /** The names that propertyNames lists; null when it does not. */
  #namesOf(schema: unknown, path: string): readonly string[] | null {
    const resolved = this.#resolve(schema);
    if (!isSchema(resolved)) return null;
    const values = 'const' in resolved ? [resolved.const] : resolved.enum;
    if (!Array.isArray(values)) return null;
    return values.map((name) => (typeof name === 'string' ? name : refuse(path, 'must list strings')));
  }

  #keyOf(schema: unknown, place: Place, taken: readonly string[]): string {
    const said = isSchema(schema) ? assertions(schema) : {};
    if (Object.keys(said).every((key) => key === 'type') && (said.type ?? 'string') === 'string')
      return this.rules.add(otherKey(this.rules, taken));
    if (taken.length > 0) refuse(place.path, 'is not supported beside properties');
    return this.rules.add(this.value({ type: 'string', ...said }, place));
  }
}
