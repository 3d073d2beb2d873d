/**
 * Arguments of calls that are not written as JSON: what a text is, by the schema of its parameter, and how such calls hand
 * over what they have read so far.
 */
import type { FinishReason } from '../engine/protocol.js';
import { isDeeperThan, mostJsonDepth } from '../http/json-depth.js';
import { isSchema, referenced, type Schema, typeList } from '../json-grammar/schema-parts.js';
import { pythonJson } from './python-literal.js';

/** A call whose arguments are read, one after the other, out of a syntax of its own. */
export interface WrittenCall {
  /**
   * @param text what is there from the end of what was used before
   * @param finish of the answer, with its last text
   * @returns JSON of the arguments to be told now, the length of text that is done with, and whether the call has ended
   */
  push(text: string, finish: FinishReason | null): WrittenPart;
}

export interface WrittenPart {
  readonly args: string;
  readonly used: number;
  readonly ended: boolean;
}

/** JSON of an object whose members come one by one. */
export class GrowingObject {
  #begun = false;

  member(key: string, json: string): string {
    return this.members(`${JSON.stringify(key)}: ${json}`);
  }

  /** @param json members as an object has them between its braces; not none */
  members(json: string): string {
    const before = this.#begun ? ', ' : '{';
    this.#begun = true;
    return before + json;
  }

  end(): string {
    return this.#begun ? '}' : '{}';
  }
}

const properties = (schema: Schema): Schema => (isSchema(schema.properties) ? schema.properties : {});

/** The parameters in their schema's order. */
export const parameterNames = (schema: Schema): readonly string[] => Object.keys(properties(schema));

const mostSteps = 32;

/** The types that a parameter may be of; null where its schema does not say. */
export function parameterTypes(root: Schema, name: string): ReadonlySet<unknown> | null {
  const types = new Set<unknown>();
  const open: unknown[] = [properties(root)[name]];
  for (let step = 0; open.length > 0; step++) {
    const schema = open.pop();
    if (!isSchema(schema) || step > mostSteps) return null;
    const { $ref: reference, anyOf, oneOf, allOf, enum: values } = schema;
    const alternatives = [anyOf, oneOf, allOf].find((list) => Array.isArray(list) && list.length > 0);
    const known = typeList(schema);
    if (schema.nullable === true) types.add('null');
    if (typeof reference === 'string') open.push(referenced(root, reference));
    else if (known.length > 0) for (const type of known) types.add(type);
    else if (Array.isArray(alternatives)) open.push(...alternatives);
    else if ('const' in schema) types.add(typeof schema.const);
    else if (Array.isArray(values))
      for (const value of values) types.add(value === null ? 'null' : typeof value);
    else return null;
  }
  return types;
}

/** The text that stands for a parameter's value, as JSON: a string where the schema has one. */
export function parameterJson(text: string, root: Schema, name: string): string {
  const types = parameterTypes(root, name);
  const plain = text.trim();
  if (types?.has('string')) return types.has('null') && plain === 'null' ? plain : JSON.stringify(text);
  return validJson(plain) ?? pythonJson(plain) ?? JSON.stringify(text);
}

function validJson(text: string): string | null {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return null;
  }
}

/** A finished call's arguments as a value; null for what is no JSON of an object, or deeper than a reply can be written. */
export function argumentsObject(json: string): Record<string, unknown> | null {
  if (isDeeperThan(json, mostJsonDepth)) return null;
  try {
    const value: unknown = JSON.parse(json);
    return isSchema(value) ? value : null;
  } catch {
    return null;
  }
}
