/** JSON as constrained answers write it: on one line, with a space after each comma and colon. */
import { anyJsonCharacter } from './characters.js';
import { either, literal, type Rules } from './ebnf.js';
import { numberExpression } from './numbers.js';

export const comma = literal(', ');
export const quote = literal('"');

/** The JSON text of a value. */
export function jsonText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jsonText).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}: ${jsonText(inner)}`);
    return `{${members.join(', ')}}`;
  }
  return JSON.stringify(value);
}

const unbounded = { least: -Infinity, most: Infinity, aboveLeast: false, belowMost: false };

/** The rule for any JSON string. */
export const anyString = (rules: Rules) => rules.add(`${quote} ${anyJsonCharacter}* ${quote}`);

/** The rule for any value, by the grammar it belongs to. */
const anyValues = new WeakMap<Rules, string>();

/** The rule for any JSON value. */
export function anyValue(rules: Rules): string {
  const known = anyValues.get(rules);
  if (known !== undefined) return known;
  const name = rules.reserve();
  anyValues.set(rules, name);
  const string = anyString(rules);
  const member = rules.add(`${string} ${literal(': ')} ${name}`);
  rules.define(
    name,
    either([
      string,
      rules.add(numberExpression(unbounded) as string),
      ...['true', 'false', 'null'].map(literal),
      rules.add(`${literal('[')} (${name} (${comma} ${name})*)? ${literal(']')}`),
      rules.add(`${literal('{')} (${member} (${comma} ${member})*)? ${literal('}')}`),
    ]),
  );
  return name;
}
