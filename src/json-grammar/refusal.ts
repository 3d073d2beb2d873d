/** How a schema is refused: by its keyword and place. */
import type { Schema } from './schema-parts.js';

const mostRepeats = 10_000;

/** `reason` completes the place's name: "schema.properties.a.pattern has lookahead". */
export class SchemaRefusal extends Error {
  constructor(
    readonly path: string,
    readonly reason: string,
  ) {
    super(`${path} ${reason}`);
  }
}

export function refuse(path: string, reason: string): never {
  throw new SchemaRefusal(path, reason);
}

export function checkList(value: unknown, path: string, most: number): asserts value is unknown[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > most)
    refuse(path, `must be a list of 1 to ${most} items`);
}

/** A keyword that counts something; `none` without it. */
export function count(schema: Schema, key: string, none: number, path: string): number {
  const value = schema[key];
  if (value === undefined) return none;
  if (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= mostRepeats) return Number(value);
  return refuse(`${path}.${key}`, `must be a whole number of at most ${mostRepeats}`);
}
