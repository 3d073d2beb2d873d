/** Refusing a schema that cannot be made a grammar, with the place and the keyword at fault. */
import type { Schema } from './schema-parts.js';

const mostRepeats = 10_000;

/** `path` names the place and `reason` completes the sentence: "schema.properties.a.pattern has lookahead". */
export class SchemaRefusal extends Error {
  constructor(
    readonly path: string,
    readonly reason: string,
  ) {
    super(`${path} ${reason}`);
  }
}

/** @throws SchemaRefusal */
export function refuse(path: string, reason: string): never {
  throw new SchemaRefusal(path, reason);
}

/** @throws SchemaRefusal for anything but a list of 1 to `most` items */
export function checkList(value: unknown, path: string, most: number): asserts value is unknown[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > most)
    refuse(path, `must be a list of 1 to ${most} items`);
}

/**
 * The value of a keyword that counts, such as minItems; `missing` when the schema does not have it.
 * @throws SchemaRefusal
 */
export function count(schema: Schema, key: string, missing: number, path: string): number {
  const value = schema[key];
  if (value === undefined) return missing;
  if (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= mostRepeats) return Number(value);
  return refuse(`${path}.${key}`, `must be a whole number of at most ${mostRepeats}`);
}
