/**
 * JSON schemas as constraints. What the grammar cannot hold an answer to is refused: an answer that is not what the
 * schema says must never pass for one that is.
 */
import { errors } from '../errors.js';

type Schema = Record<string, unknown>;

const mostDepth = 24;
const mostNodes = 2_000;
const mostRepeats = 10_000;
const mostIntegers = 1_000;
const mostCharacters = 100_000;

const notes = [
  'title',
  'description',
  'default',
  'examples',
  '$schema',
  '$id',
  '$comment',
  'deprecated',
  'readOnly',
  'writeOnly',
  '$defs',
  'definitions',
  'strict',
];
const forms = ['enum', 'const', 'anyOf', 'allOf', '$ref'];
const byType = {
  object: ['properties', 'required', 'additionalProperties', 'minProperties', 'maxProperties'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  integer: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  number: [] as string[],
  boolean: [] as string[],
  null: [] as string[],
};
const structural = Object.values(byType).flat();
const instead: Readonly<Record<string, string>> = {
  oneOf: 'use anyOf',
  allOf: 'write it out as one schema',
  multipleOf: 'leave it out or list the values in enum',
  minimum: 'bounds hold for type "integer" only',
  maximum: 'bounds hold for type "integer" only',
  exclusiveMinimum: 'bounds hold for type "integer" only',
  exclusiveMaximum: 'bounds hold for type "integer" only',
};

/** @returns the schema as the grammar takes it, as JSON; @throws SteerdError constraint_refused naming the place */
export function schemaConstraint(schema: unknown, field: string): string {
  let nodes = 0;
  const refuse = (path: string, reason: string): never => {
    throw errors.constraintRefused(field, `${path} ${reason}`);
  };
  const isSchema = (value: unknown): value is Schema =>
    typeof value === 'object' && value !== null && !Array.isArray(value);

  const each = (value: unknown, path: string, depth: number): Schema => {
    if (!isSchema(value)) return refuse(path, 'must be an object');
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, walk(inner, `${path}.${key}`, depth)]),
    );
  };
  const list = (value: unknown, path: string, depth: number): unknown[] => {
    if (!Array.isArray(value) || value.length === 0) return refuse(path, 'must be a list that is not empty');
    return value.map((inner, i) => walk(inner, `${path}.${i}`, depth));
  };

  /** The grammar's own ranges let numbers beyond their ends through (0 to 120 takes 123): values are listed instead. */
  const bounded = (value: Schema, path: string, types: readonly unknown[]): Schema => {
    const bound = (key: string, fallback: number) =>
      typeof value[key] === 'number' ? Number(value[key]) : fallback;
    const least = Math.max(
      Math.ceil(bound('minimum', Number.NEGATIVE_INFINITY)),
      Math.floor(bound('exclusiveMinimum', Number.NEGATIVE_INFINITY)) + 1,
    );
    const most = Math.min(
      Math.floor(bound('maximum', Number.POSITIVE_INFINITY)),
      Math.ceil(bound('exclusiveMaximum', Number.POSITIVE_INFINITY)) - 1,
    );
    const count = most - least + 1;
    if (types.length > 1) refuse(path, 'must have type "integer" alone to have bounds');
    if (!(count >= 1 && count <= mostIntegers))
      refuse(path, `must have both bounds, with 1 to ${mostIntegers} integers between them`);
    return { enum: Array.from({ length: count }, (_, i) => least + i) };
  };

  const walk = (value: unknown, path: string, depth: number): unknown => {
    if (depth > mostDepth) refuse(path, `is deeper than ${mostDepth} levels`);
    if (++nodes > mostNodes) refuse('the schema', `has more than ${mostNodes} parts`);
    if (value === true) return {};
    if (!isSchema(value)) return refuse(path, 'must be a schema: an object');
    const types = Array.isArray(value.type) ? value.type : value.type === undefined ? [] : [value.type];
    for (const type of types)
      if (typeof type !== 'string' || !Object.hasOwn(byType, type))
        refuse(`${path}.type`, `must be one of ${Object.keys(byType).join(', ')}`);
    const keys = Object.keys(value).filter((key) => !notes.includes(key) && key !== 'type');
    const form = keys.filter((key) => forms.includes(key));
    const rest = keys.filter((key) => !forms.includes(key));
    const held = types.flatMap((type) => byType[type as keyof typeof byType]);
    for (const key of rest) {
      const idle = key === 'uniqueItems' && value[key] === false;
      if (!(types.length === 0 ? structural : held).includes(key) && !idle)
        refuse(`${path}.${key}`, `is not supported here${instead[key] ? `: ${instead[key]}` : ''}`);
    }
    if (types.length === 0 && rest.length > 0) refuse(path, `has ${rest.join(', ')} but no type`);
    if (form.length > 1 || (form.length === 1 && rest.length > 0))
      refuse(path, `must have one of ${[...form, ...rest].join(', ')}, not several`);
    for (const key of ['minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties'])
      if (
        key in value &&
        !(Number.isInteger(value[key]) && Number(value[key]) >= 0 && Number(value[key]) <= mostRepeats)
      )
        refuse(`${path}.${key}`, `must be a whole number of at most ${mostRepeats}`);
    if ('pattern' in value && ['minLength', 'maxLength', 'format'].some((key) => key in value))
      refuse(`${path}.pattern`, 'cannot be combined with a length or format');
    if ('format' in value && ('minLength' in value || 'maxLength' in value))
      refuse(`${path}.format`, 'cannot be combined with a length');
    const result: Schema = { ...value };
    delete result.uniqueItems;
    for (const key of ['$defs', 'definitions', 'properties'])
      if (key in value) result[key] = each(value[key], `${path}.${key}`, depth + 1);
    for (const key of ['anyOf', 'allOf', 'prefixItems'])
      if (key in value) result[key] = list(value[key], `${path}.${key}`, depth + 1);
    if (Array.isArray(value.allOf) && value.allOf.length > 1)
      refuse(`${path}.allOf`, `is not supported: ${instead.allOf}`);
    for (const key of ['items', 'additionalProperties'])
      if (key in value && typeof value[key] !== 'boolean')
        result[key] = walk(value[key], `${path}.${key}`, depth + 1);
    if (value.$ref !== undefined && !(typeof value.$ref === 'string' && value.$ref.startsWith('#')))
      refuse(`${path}.$ref`, 'must refer to a part of this schema');
    const required = value.required ?? [];
    const known = isSchema(value.properties) ? Object.keys(value.properties) : [];
    if (!Array.isArray(required)) return refuse(`${path}.required`, 'must be a list');
    for (const name of required)
      if (!known.includes(String(name)))
        refuse(`${path}.required`, `names ${JSON.stringify(name)}, which properties lacks`);
    // The grammar has no others unless it is told: an object without properties would always be empty.
    if (types.includes('object') && known.length === 0 && !('additionalProperties' in value))
      result.additionalProperties = true;
    if (held.length > 0 && byType.integer.some((key) => key in value)) return bounded(value, path, types);
    return result;
  };

  const walked = walk(schema, 'schema', 0);
  const json = JSON.stringify(walked);
  if (json.length > mostCharacters) refuse('the schema', `has more than ${mostCharacters} characters`);
  return json;
}
