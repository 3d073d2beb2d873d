/**
 * Values by their type: what `type`, and the keywords that are of one type, ask for. What combines schemas is around it
 * (schema-grammar.ts).
 */
import { either, literal, type Rules, repeat } from './ebnf.js';
import { anyValue, comma } from './json-values.js';
import { typesOf } from './keywords.js';
import { objectExpression } from './objects.js';
import { otherKey } from './other-keys.js';
import { count, refuse } from './refusal.js';
import { numberOf, stringOf } from './scalars.js';
import { assertions, isSchema, type JsonType, type Schema } from './schema-parts.js';

const longestName = 500;

/** Where in the schema a part stands. */
export interface Place {
  readonly path: string;
  readonly depth: number;
  /** References followed to come here without writing a character: to meet one again would be an endless loop. */
  readonly open: readonly string[];
}

/** Writes the schemas inside of arrays and objects. */
export interface PartWriter {
  /** The expression of a value that validates against `schema`. */
  value(schema: unknown, place: Place): string;
  /** Follows references until there is none. */
  resolve(schema: unknown): unknown;
}

export class TypedValues {
  /** @param loosens whether what cannot be held to gives way */
  constructor(
    readonly rules: Rules,
    readonly parts: PartWriter,
    readonly loosens: boolean,
  ) {}

  /** The expression of a value of the types that the schema names, or its keywords are of. */
  of(schema: Schema, place: Place): string {
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
        return numberOf(type, schema, place.path, this.loosens);
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
      .map((item, i) => this.parts.value(item, inner(`prefixItems.${i}`)));
    const closed = schema.items === false || (first.length > 0 && schema.items === undefined);
    const more = most - first.length;
    if (closed || more === 0) {
      if (least > first.length)
        refuse(`${path}.minItems`, `must be at most ${first.length}, the items there are`);
      return this.rules.add([literal('['), first.join(` ${comma} `) || literal(''), literal(']')].join(' '));
    }
    const item = this.rules.add(this.parts.value(schema.items ?? true, inner('items')));
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
        this.parts.value(
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
      const value = this.rules.add(this.parts.value(open, inner('additionalProperties')));
      return this.rules.add(objectExpression(this.rules, [], { key, value, least, most }));
    }
    if (least > requiredCount)
      refuse(`${path}.minProperties`, `must be at most ${requiredCount}, the properties that are required`);
    if (most < (others ? Infinity : listed.length))
      refuse(`${path}.maxProperties`, 'is not supported beside properties');
    if (!others) return this.rules.add(objectExpression(this.rules, listed, null));
    const key = this.#keyOf(propertyNames, inner('propertyNames'), [...all.keys()]);
    const value = this.rules.add(this.parts.value(open, inner('additionalProperties')));
    return this.rules.add(objectExpression(this.rules, listed, { key, value, least: 0, most: Infinity }));
  }

  /** The names that propertyNames lists by const or enum; null when it has neither. */
  #namesOf(schema: unknown, path: string): readonly string[] | null {
    const resolved = this.parts.resolve(schema);
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
    return this.rules.add(this.parts.value({ type: 'string', ...asserted }, place));
  }
}
