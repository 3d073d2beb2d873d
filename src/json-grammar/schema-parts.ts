/** What is read of a JSON schema before any grammar is made: references, combinations, whether alternatives exclude each other. */

export type Schema = Readonly<Record<string, unknown>>;

export const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const jsonTypes = ['object', 'array', 'string', 'integer', 'number', 'boolean', 'null'] as const;
export type JsonType = (typeof jsonTypes)[number];

/** Says what a schema is for, and holds no answer to anything. */
const notes = new Set(
  'title description default examples example $schema $id $anchor $comment deprecated readOnly writeOnly $defs definitions strict discriminator contentEncoding contentMediaType contentSchema'.split(
    ' ',
  ),
);

/** The schema without what holds nothing. */
export const assertions = (schema: Schema): Schema =>
  Object.fromEntries(
    Object.entries(schema).filter(
      ([key, value]) =>
        !notes.has(key) &&
        !key.startsWith('x-') &&
        value !== undefined &&
        !(key === 'uniqueItems' && value === false),
    ),
  );

/** What a reference within the schema points at; undefined when there is nothing. */
export function pointed(root: unknown, reference: string): unknown {
  if (reference === '#') return root;
  if (!reference.startsWith('#/')) return undefined;
  let at: unknown = root;
  for (const part of reference.slice(2).split('/')) {
    let key = part;
    try {
      key = decodeURIComponent(part);
    } catch {
      // As it stands, then.
    }
    key = key.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

export function typeOf(value: unknown): JsonType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value as JsonType;
}

export const typeList = (schema: Schema): readonly unknown[] =>
  Array.isArray(schema.type) ? schema.type : schema.type === undefined ? [] : [schema.type];

const isOf = (type: unknown, given: unknown) => type === given || (given === 'number' && type === 'integer');

export const hasType = (value: unknown, types: readonly unknown[]): boolean =>
  types.length === 0 || types.some((given) => isOf(typeOf(value), given));

export const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

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
 * One schema that holds to both.
 * @returns the key that cannot be said in one, when there is such
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
      merged.enum = before.filter((one) => value.some((other) => same(one, other)));
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
  // Closed to what the other names: those properties could never come.
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

/** Whether no value fits both: by their types, their values, or a required property's. */
export function exclude(a: unknown, b: unknown, resolve: (schema: unknown) => unknown, depth = 0): boolean {
  const [x, y] = [resolve(a), resolve(b)];
  if (x === false || y === false) return true;
  if (!isSchema(x) || !isSchema(y) || depth > 8) return false;
  const [mine, theirs] = [valuesOf(x), valuesOf(y)];
  if (mine && theirs) return !mine.some((one) => theirs.some((other) => same(one, other)));
  const types = [mine ? mine.map(typeOf) : typeList(x), theirs ? theirs.map(typeOf) : typeList(y)] as const;
  if (types[0].length > 0 && types[1].length > 0) {
    const meet = types[0].some((type) => types[1].some((other) => isOf(type, other) || isOf(other, type)));
    if (!meet) return true;
  }
  if (!isSchema(x.properties) || !isSchema(y.properties)) return false;
  // Both must be objects for the comparison: a schema without a type takes anything else too.
  if (!same(typeList(x), ['object']) || !same(typeList(y), ['object'])) return false;
  const required = [x.required, y.required].map((names) => (Array.isArray(names) ? names : []));
  const [p, q] = [x.properties, y.properties];
  return Object.keys(p).some(
    (name) =>
      Object.hasOwn(q, name) &&
      required.some((names) => names.includes(name)) &&
      exclude(p[name], q[name], resolve, depth + 1),
  );
}

const valuesOf = (schema: Schema): readonly unknown[] | null =>
  'const' in schema ? [schema.const] : Array.isArray(schema.enum) ? schema.enum : null;
