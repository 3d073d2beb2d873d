/** The keywords that say something of one type of value: they tell which type is meant where none is given. */
import { refuse } from './refusal.js';
import { type JsonType, jsonTypes, type Schema, typeList } from './schema-parts.js';

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

const instead = new Map([
  ['not', 'say what it may be'],
  ['if', 'use anyOf'],
  ['then', 'use anyOf'],
  ['else', 'use anyOf'],
  ['patternProperties', 'use properties or additionalProperties'],
  ['multipleOf', 'leave it out or list the values in enum'],
]);

/**
 * The types that a schema without references and combinations allows; none when it says nothing of any.
 * @throws SchemaRefusal for a keyword that holds none of them to anything
 */
export function typesOf(schema: Schema, path: string): readonly JsonType[] {
  const given = typeList(schema) as readonly JsonType[];
  const keys = Object.keys(schema).filter((key) => key !== 'type');
  // Without a type the keywords say which one is meant.
  const meant = jsonTypes.filter(
    (type) => type !== 'integer' && keys.some((key) => keywords[type].includes(key)),
  );
  const types = given.length > 0 ? given : meant.slice(0, 1);
  for (const key of keys) {
    if (types.some((type) => keywords[type].includes(key))) continue;
    if (given.length > 0 && jsonTypes.some((type) => keywords[type].includes(key))) continue;
    const hint = instead.get(key);
    refuse(`${path}.${key}`, `is not supported here${hint ? `: ${hint}` : ''}`);
  }
  return [...new Set(types)];
}
