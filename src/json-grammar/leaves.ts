/** Numbers and strings as a schema bounds them. */
import { countedJsonCharacter } from './characters.js';
import { type Rules, times } from './ebnf.js';
import { formatPattern, formats, saysTheSame } from './formats.js';
import { anyString, quote } from './json-values.js';
import { integerForm, numberForm } from './numbers.js';
import { PatternError, patternForm, readPattern, withLength } from './pattern.js';
import { count, refuse } from './refusal.js';
import type { Schema } from './schema-parts.js';

const longestPattern = 2_000;

/** Numbers of a schema with a type of its own. */
export function numberOf(type: 'integer' | 'number', schema: Schema, path: string): string {
  const bound = (key: string, none: number) => {
    const value = schema[key];
    if (value === undefined) return none;
    return typeof value === 'number' ? value : refuse(`${path}.${key}`, 'must be a number');
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
  if (step !== undefined && step !== 1)
    refuse(`${path}.multipleOf`, 'is not supported unless it is 1: leave it out or list the values in enum');
  const form = type === 'integer' || step === 1 ? integerForm(bounds) : numberForm(bounds);
  return form ?? refuse(path, `has bounds between which there is no ${type} that can be written exactly`);
}

/** Strings, quotes included. */
export function stringOf(rules: Rules, schema: Schema, path: string): string {
  const least = count(schema, 'minLength', 0, path);
  const most = count(schema, 'maxLength', Infinity, path);
  if (least > most) refuse(`${path}.maxLength`, `must be at least minLength, ${least}`);
  const source = patternOf(schema, path);
  if (source === null) {
    if (least === 0 && most === Infinity) return anyString(rules);
    return rules.add(`${quote} ${times(countedJsonCharacter, least, most)} ${quote}`);
  }
  const at = `${path}.${source.key}`;
  try {
    const pattern = withLength(readPattern(source.pattern), least, most);
    if (pattern === null) return refuse(at, 'cannot be combined with a length: say it in the pattern');
    return rules.add(`${quote} ${patternForm(pattern)} ${quote}`);
  } catch (error) {
    if (error instanceof PatternError) return refuse(at, `${error.message}, which no grammar can say`);
    throw error;
  }
}

function patternOf({ pattern, format }: Schema, path: string) {
  if (pattern !== undefined && typeof pattern !== 'string') refuse(`${path}.pattern`, 'must be a string');
  if (format !== undefined && typeof format !== 'string') refuse(`${path}.format`, 'must be a string');
  if (typeof pattern === 'string' && pattern.length > longestPattern)
    refuse(`${path}.pattern`, `must have at most ${longestPattern} characters`);
  const own = typeof pattern === 'string' ? { key: 'pattern', pattern } : null;
  if (typeof format !== 'string') return own;
  const held = formatPattern(format);
  if (held === null) return own;
  if (held === undefined) return refuse(`${path}.format`, `must be one of ${formats.join(', ')}`);
  if (own && !saysTheSame(format, own.pattern))
    refuse(`${path}.format`, 'cannot be combined with a pattern: leave one of them out');
  return { key: 'format', pattern: held };
}
