/** Reads JSON schemas: resolves references, and merges schemas into one. */

export type Schema = Readonly<Record<string, unknown>>;

export const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const jsonTypes = ['object', 'array', 'string', 'integer', 'number', 'boolean', 'null'] as const;
export type JsonType = (typeof jsonTypes)[number];

/** Keywords that describe a schema and constrain nothing. */
const annotations = new Set(
  'title description default examples example $schema $id $anchor $comment deprecated readOnly writeOnly $defs definitions strict discriminator contentEncoding contentMediaType contentSchema'.split(
    ' ',
  ),
);

/** The schema without the keywords that constrain nothing. */
export const assertions = (schema: Schema): Schema =>
  Object.fromEntries(
    Object.entries(schema).filter(
      ([key, value]) =>
        !annotations.has(key) &&
        !key.startsWith('x-') &&
        value !== undefined &&
        !(key === 'uniqueItems' && value === false),
    ),
  );

/** The part of a schema that a reference such as `#/$defs/a` points to (RFC 6901); undefined when there is none. */
export function referenced(root: unknown, reference: string): unknown {
  if (reference === '#') return root;
  if (!reference.startsWith('#/')) return undefined;
  let at: unknown = root;
  for (const part of reference.slice(2).split('/')) {
    let key = part;
    try {
      key = decodeURIComponent(part);
    } catch {
      // Not percent-encoded: the key is taken as it is written.
    }
    key = key.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

/** The narrowest type of a JSON value. */
export function typeOf(value: unknown): JsonType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value as JsonType;
}

/** The `type` keyword as a list; empty without one. */
export const typeList = (schema: Schema): readonly unknown[] =>
  Array.isArray(schema.type) ? schema.type : schema.type === undefined ? [] : [schema.type];

/** Whether every value of `type` is of type `given`. */
export const isOf = (type: unknown, given: unknown) =>
  type === given || (given === 'number' && type === 'integer');

/** Whether a value is of one of these types; an empty list allows all. */
export const hasType = (value: unknown, types: readonly unknown[]): boolean =>
  types.length === 0 || types.some((given) => isOf(typeOf(value), given));

/** Whether two schemas are written alike. */
export const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** How the values of two schemas' keywords merge into one that requires both. */
const combine: Readonly<Record<string, (a: never, b: never) => unknown>> = {
  minimum: (a: number, b: number) => Math.max(a, b),
  exclusiveMinimum: (a: number, b: number) => Math.max(a, b),
  minLength: (a: number, b: number) => Math.max(a, b),
  minItems: (a: number, b: number) => Math.max(a, b),
  maximum: (a: number, b: number) => Math.min(a, b),
  exclusiveMaximum: (a: number, b: number) => Math.min(a, b),
  maxLength: (a: number, b: number) => Math.min(a, b),
  maxItems: (a: number, b: number) => Math.min(a, b),
  required: (a: unknown[], b: unknown[]) => [...new Set([...a, ...b])],
};

/**
 * One schema that requires what both require.
 * @returns the keyword that cannot be merged, when there is one
 */
export function merge(a: Schema, b: Schema): Schema | string {
  const merged: Record<string, unknown> = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const before = merged[key];
    if (before === undefined || same(before, value)) merged[key] = value;
    else if (key === 'type') {
      const [mine, theirs] = [typeList(a), typeList(b)];
      const types = [
        ...mine.filter((type) => theirs.some((given) => isOf(type, given))),
        ...theirs.filter((type) => !mine.includes(type) && mine.some((given) => isOf(type, given))),
      ];
      if (types.length === 0) return key;
      merged.type = types.length === 1 ? types[0] : types;
    } else if (key === 'enum' && Array.isArray(before) && Array.isArray(value)) {
      const theirs = new Set(value.map((one) => JSON.stringify(one)));
      merged.enum = before.filter((one) => theirs.has(JSON.stringify(one)));
    } else if (key === 'properties' && isSchema(before) && isSchema(value)) {
      const properties = mergeEach(before, value);
      if (typeof properties === 'string') return `properties.${properties}`;
      merged.properties = properties;
    } else {
      const both = combine[key];
      if (both === undefined || typeof before !== typeof value) return key;
      merged[key] = both(before as never, value as never);
    }
  }
  // A schema that limits additional properties would forbid, or constrain, the properties that only the other declares.
  for (const [closed, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const names = Object.keys(isSchema(other.properties) ? other.properties : {});
    const own = isSchema(closed.properties) ? closed.properties : {};
    const open = closed.additionalProperties;
    if (open !== undefined && open !== true && names.some((name) => !Object.hasOwn(own, name)))
      return 'additionalProperties';
  }
  return merged;
}

function mergeEach(a: Schema, b: Schema): Schema | string {
  const merged: Record<string, unknown> = { ...a };
  for (const [name, value] of Object.entries(b)) {
    const before = merged[name];
    const both = before === undefined || !isSchema(before) || !isSchema(value) ? value : merge(before, value);
    if (typeof both === 'string') return `${name}.${both}`;
    merged[name] = both;
  }
  return merged;
}
