/** Nulls inside of what a request nests: as at its top level, they mean "not given". */
import { z } from 'zod';
import { isObject } from './fields.js';

type Properties = Readonly<Record<string, unknown>>;

const isMissing = (value: unknown) => value === null || value === undefined;

/** Longer lists have no objects in them, or are refused unread. */
const longest = 64;
/** Deeper than any steering goes; vectors, which are large, have no nulls to lose. */
const deepest = 4;

/** Properties alone: an item of a list that is null, as in `choices`, says something. */
function withoutNulls(value: unknown, depth = 0): unknown {
  if (!isObject(value) || depth > deepest) return value;
  if (Array.isArray(value))
    return value.length > longest ? value : value.map((item) => withoutNulls(item, depth + 1));
  // An item needs one of the two: without a concept, what is wrong with the vectors says more.
  const named = !isMissing((value as Properties).concept);
  return Object.fromEntries(
    Object.entries(value as Properties)
      .filter(([key, inner]) => !isMissing(inner) || (key === 'vectors' && !named))
      .map(([key, inner]) => [key, key === 'vectors' ? inner : withoutNulls(inner, depth + 1)]),
  );
}

interface JsonSchema {
  readonly [keyword: string]: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

const wordsOfFields = ['description', 'default'];

function orNull(schema: JsonSchema): JsonSchema {
  const words = Object.entries(schema).filter(([keyword]) => wordsOfFields.includes(keyword));
  const rest = Object.entries(schema).filter(([keyword]) => !wordsOfFields.includes(keyword));
  const { anyOf, ...others } = Object.fromEntries(rest) as JsonSchema;
  const values = anyOf && Object.keys(others).length === 0 ? anyOf : [Object.fromEntries(rest)];
  return { ...Object.fromEntries(words), anyOf: [...values, { type: 'null' }] };
}

/** The same with null for every property that may be left out; of items with `vectors`, for `concept` beside them. */
function describedWithNulls(schema: JsonSchema): JsonSchema {
  const { properties, required = [], items, anyOf } = schema;
  const mayBeNull = (key: string) =>
    key !== 'vectors' && (!required.includes(key) || (key === 'concept' && required.includes('vectors')));
  return {
    ...schema,
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([key, inner]) => {
          const described = key === 'vectors' ? inner : describedWithNulls(inner);
          return [key, mayBeNull(key) ? orNull(described) : described];
        }),
      ),
    }),
    ...(items && { items: describedWithNulls(items) }),
    ...(anyOf && { anyOf: anyOf.map(describedWithNulls) }),
  };
}

/** The schema with nulls of its objects left out before it checks, and described so. */
export const nullsLeftOut = <Inner extends z.ZodType>(schema: Inner) => {
  const { $schema: _, ...described } = z.toJSONSchema(schema, { io: 'input' });
  return z
    .preprocess((value) => withoutNulls(value), schema)
    .meta(describedWithNulls(described as JsonSchema) as Record<string, unknown>);
};
