/** Expressions for the numbers and strings that a schema allows. */
import { countedJsonCharacter } from './characters.js';
import { type Rules, repeat } from './ebnf.js';
import { formatPattern, formats, isRedundant } from './formats.js';
import { anyString, quote } from './json-values.js';
import { integerExpression, numberExpression } from './numbers.js';
import { PatternError, readPattern } from './pattern.js';
import { patternExpression, withLength } from './pattern-expression.js';
import { count, refuse } from './refusal.js';
import type { Schema } from './schema-parts.js';

const longestPattern = 2_000;

/**
 * A number of the schema's range.
 * @param decimals whether `multipleOf` may be a power of ten below 1: validators that divide doubles refuse 0.07 as a
 *   multiple of 0.01, so no answer may promise it
 * @throws SchemaRefusal
 */
export function numberOf(type: 'integer' | 'number', schema: Schema, path: string, decimals = false): string {
  const bound = (key: string, missing: number) => {
    const value = schema[key];
    if (value === undefined) return missing;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    return refuse(`${path}.${key}`, 'must be a number that a double can hold');
  };
  const [least, above] = [bound('minimum', -Infinity), bound('exclusiveMinimum', -Infinity)];
  const [most, below] = [bound('maximum', Infinity), bound('exclusiveMaximum', Infinity)];
  const bounds = {
    least: Math.max(least, above),
    most: Math.min(most, below),
    aboveLeast: above >= least && Number.isFinite(above),
    belowMost: below <= most && Number.isFinite(below),
  };
  const step = schema.multipleOf;
  const places = decimals && typeof step === 'number' ? /^(?:0\.(0*)1|1e-([789]))$/.exec(String(step)) : null;
  if (places && type === 'number') {
    const most = places[2] ? Number(places[2]) : (places[1]?.length ?? 0) + 1;
    return numberExpression(bounds, most) ?? refuse(path, 'has bounds between which there is no such number');
  }
  if (step !== undefined && step !== 1)
    refuse(`${path}.multipleOf`, 'is not supported unless it is 1: leave it out or list the values in enum');
  const number = type === 'integer' || step === 1 ? integerExpression(bounds) : numberExpression(bounds);
  return number ?? refuse(path, `has bounds between which there is no ${type} that can be written exactly`);
}

/** A string of the schema's length, pattern and format, quotes included. @throws SchemaRefusal */
export function stringOf(rules: Rules, schema: Schema, path: string): string {
  const least = count(schema, 'minLength', 0, path);
  const most = count(schema, 'maxLength', Infinity, path);
  if (least > most) refuse(`${path}.maxLength`, `must be at least minLength, ${least}`);
  const source = patternOf(schema, path);
  if (source === null) {
    if (least === 0 && most === Infinity) return anyString(rules);
    return rules.add(`${quote} ${repeat(countedJsonCharacter, least, most)} ${quote}`);
  }
  const at = `${path}.${source.key}`;
  try {
    const pattern = withLength(readPattern(source.pattern), least, most);
    if (pattern === null) return refuse(at, 'cannot be combined with a length: say it in the pattern');
    return rules.add(`${quote} ${patternExpression(pattern)} ${quote}`);
  } catch (error) {
    if (error instanceof PatternError) return refuse(at, `${error.message}, which no grammar can say`);
    throw error;
  }
}

/** The pattern that a string must match, and the keyword it comes from; null without pattern and format. */
function patternOf({ pattern, format }: Schema, path: string) {
  if (pattern !== undefined && typeof pattern !== 'string') refuse(`${path}.pattern`, 'must be a string');
  if (format !== undefined && typeof format !== 'string') refuse(`${path}.format`, 'must be a string');
  if (typeof pattern === 'string' && pattern.length > longestPattern)
    refuse(`${path}.pattern`, `must have at most ${longestPattern} characters`);
  const own = typeof pattern === 'string' ? { key: 'pattern', pattern } : null;
  if (typeof format !== 'string') return own;
  const ofFormat = formatPattern(format);
  if (ofFormat === null) return own;
  if (ofFormat === undefined) return refuse(`${path}.format`, `must be one of ${formats.join(', ')}`);
  if (own && !isRedundant(format, own.pattern))
    refuse(`${path}.format`, 'cannot be combined with a pattern: leave one of them out');
  return { key: 'format', pattern: ofFormat };
}
