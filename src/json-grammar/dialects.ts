/**
 * JSON schemas as tools have them in the wild, in the words of draft 2020-12: OpenAPI 3.0's `nullable`, draft 4's boolean
 * bounds and draft 7's tuples and `dependencies`, types in upper case or by the names of programming languages, and
 * keywords whose value says nothing (null, an empty enum). What a schema means is kept.
 */
import { isSchema, jsonTypes, type Schema } from './schema-parts.js';

/** Deeper schemas stay as they are: they are refused, or loosened, where they are read. */
const mostDepth = 40;

/** Names of types that are none of JSON Schema's. */
const typeNames: Readonly<Record<string, string>> = {
  str: 'string',
  text: 'string',
  int: 'integer',
  long: 'integer',
  float: 'number',
  double: 'number',
  decimal: 'number',
  bool: 'boolean',
  list: 'array',
  tuple: 'array',
  dict: 'object',
  map: 'object',
  none: 'null',
};

const inSchema = [
  'additionalProperties',
  'unevaluatedProperties',
  'unevaluatedItems',
  'additionalItems',
  'propertyNames',
  'contains',
  'items',
  'not',
  'if',
  'then',
  'else',
] as const;
const inList = ['allOf', 'anyOf', 'oneOf', 'prefixItems', 'items'] as const;
const inMap = ['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'] as const;

/**
 * The schema in the words of draft 2020-12; what is no schema, as it is.
 * @param strictly whether what is wrong in it stays, to be refused: types that nobody knows, an `enum` of nothing
 */
export function modernSchema(schema: unknown, strictly = false, depth = 0): unknown {
  if (!isSchema(schema) || depth > mostDepth) return schema;
  const modern = (inner: unknown) => modernSchema(inner, strictly, depth + 1);
  const own = withoutNothing(schema, strictly);
  for (const key of inSchema) if (isSchema(own[key])) own[key] = modern(own[key]);
  for (const key of inList) {
    const parts = own[key];
    if (Array.isArray(parts)) own[key] = parts.map(modern);
  }
  for (const key of inMap) {
    const parts = own[key];
    if (!isSchema(parts)) continue;
    if (key === 'properties' && !strictly) own.required = requiredNames(own.required, parts);
    own[key] = Object.fromEntries(
      Object.entries(parts)
        .filter(([, part]) => strictly || part !== null)
        .map(([name, part]) => [name, modern(part)]),
    );
  }
  if (!strictly) {
    if (!Array.isArray(own.required)) delete own.required;
    else own.required = own.required.filter((name) => typeof name === 'string');
  }
  readTypes(own, strictly);
  readBounds(own);
  readTuples(own);
  readDependencies(own, modern);
  return orNull(own);
}

/** A copy without keywords that say nothing. */
function withoutNothing(schema: Schema, strictly: boolean): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(schema).filter(
      ([key, value]) =>
        (value !== null || key === 'const' || key === 'default' || strictly) &&
        (strictly || !(key === 'enum' && (!Array.isArray(value) || value.length === 0))),
    ),
  );
}

/** Draft 3 says in the property that it is required. */
function requiredNames(required: unknown, properties: Schema): readonly unknown[] | undefined {
  const own = Object.entries(properties).flatMap(([name, part]) =>
    isSchema(part) && part.required === true ? [name] : [],
  );
  if (own.length === 0) return Array.isArray(required) ? required : undefined;
  return [...new Set([...(Array.isArray(required) ? required : []), ...own])];
}

function readTypes(schema: Record<string, unknown>, strictly: boolean): void {
  if (schema.type === undefined) return;
  const given = Array.isArray(schema.type) ? schema.type : [schema.type];
  const types = given.flatMap((type) => {
    if (typeof type !== 'string') return [];
    const lower = type.toLowerCase();
    const name = Object.hasOwn(typeNames, lower) ? typeNames[lower] : lower;
    return (jsonTypes as readonly (string | undefined)[]).includes(name) ? [name] : [];
  });
  // A name that nobody knows, such as "any", limits nothing.
  if (types.length < given.length || types.length === 0) {
    if (!strictly) delete schema.type;
  } else schema.type = types.length === 1 ? types[0] : types;
}

/** Draft 4 and OpenAPI 3.0: `exclusiveMinimum: true` beside `minimum`. */
function readBounds(schema: Record<string, unknown>): void {
  for (const [exclusive, bound] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    if (typeof schema[exclusive] !== 'boolean') continue;
    if (schema[exclusive] === true && schema[bound] !== undefined) {
      schema[exclusive] = schema[bound];
      delete schema[bound];
    } else delete schema[exclusive];
  }
}

/** Up to draft 2019-09: a list in `items`, with `additionalItems` after it. */
function readTuples(schema: Record<string, unknown>): void {
  if (Array.isArray(schema.items)) {
    schema.prefixItems ??= schema.items;
    delete schema.items;
    if (schema.additionalItems !== undefined) schema.items = schema.additionalItems;
  }
  delete schema.additionalItems;
}

/** Up to draft 7: `dependencies`, of either kind. */
function readDependencies(schema: Record<string, unknown>, modern: (schema: unknown) => unknown): void {
  const { dependencies } = schema;
  delete schema.dependencies;
  if (!isSchema(dependencies)) return;
  const entries = Object.entries(dependencies);
  const names = entries.filter(([, value]) => Array.isArray(value));
  const schemas = entries.filter(([, value]) => !Array.isArray(value));
  if (names.length > 0) schema.dependentRequired ??= Object.fromEntries(names);
  if (schemas.length > 0)
    schema.dependentSchemas ??= Object.fromEntries(schemas.map(([name, part]) => [name, modern(part)]));
}

/** OpenAPI 3.0's `nullable`. */
function orNull(schema: Record<string, unknown>): Schema {
  const { nullable, ...own } = schema;
  if (nullable !== true) return own;
  if (Object.keys(own).length === 0) return own;
  const { type, enum: values } = own;
  const types = Array.isArray(type) ? type : [type];
  const combined = ['$ref', 'allOf', 'anyOf', 'oneOf', 'const', 'not', 'if'].some((key) => key in own);
  if (combined || type === undefined) {
    const { title, description, default: usual, ...inner } = own;
    return { title, description, default: usual, anyOf: [inner, { type: 'null' }] };
  }
  return {
    ...own,
    type: types.includes('null') ? types : [...types, 'null'],
    ...(Array.isArray(values) && !values.includes(null) ? { enum: [...values, null] } : {}),
  };
}
