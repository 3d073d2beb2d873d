/**
 * JSON Schema's keywords by the type of value they apply to; a schema without a type means the type of its keywords.
 */
import { refuse } from './refusal.js';
import { type JsonType, jsonTypes, type Schema, typeList } from './schema-parts.js';

/** The supported keywords of each type. */
const keywords: Readonly<Record<JsonType, readonly string[]>> = {
  object: [
    'properties',
    'required',
    'additionalProperties',
    'propertyNames',
    'minProperties',
    'maxProperties',
  ],
  array: ['items', 'prefixItems', 'minItems', 'maxItems', 'uniqueItems'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  integer: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'format'],
  boolean: [],
  null: [],
};

/** What to use instead of keywords that are not supported. */
const instead = new Map([
  ['not', 'say what it may be'],
  ['if', 'use anyOf'],
  ['then', 'use anyOf'],
  ['else', 'use anyOf'],
  ['patternProperties', 'use properties or additionalProperties'],
  ['multipleOf', 'leave it out or list the values in enum'],
]);

/**
 * The types that a schema without references and combinations allows; empty when it has neither a type nor a keyword
 * of one.
 * @throws SchemaRefusal for a keyword that applies to none of them
 */
export function typesOf(schema: Schema, path: string): readonly JsonType[] {
  const given = typeList(schema) as readonly JsonType[];
  const keys = Object.keys(schema).filter((key) => key !== 'type');
  const implied = jsonTypes.filter(
    (type) => type !== 'integer' && keys.some((key) => keywords[type].includes(key)),
  );
  const types = given.length > 0 ? given : implied.slice(0, 1);
  for (const key of keys) {
    if (types.some((type) => keywords[type].includes(key))) continue;
    if (given.length > 0 && jsonTypes.some((type) => keywords[type].includes(key))) continue;
    const hint = instead.get(key);
    refuse(`${path}.${key}`, `is not supported here${hint ? `: ${hint}` : ''}`);
  }
  return [...new Set(types)];
}
