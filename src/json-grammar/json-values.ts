/** JSON as the grammars write it: on one line, with a space after each comma and colon. */
import { anyJsonCharacter } from './characters.js';
import { either, type Rules, text } from './ebnf.js';
import { numberForm } from './numbers.js';

export const comma = text(', ');
export const quote = text('"');

/** A value as text. */
export function jsonText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jsonText).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}: ${jsonText(inner)}`);
    return `{${members.join(', ')}}`;
  }
  return JSON.stringify(value);
}

const free = { least: -Infinity, most: Infinity, aboveLeast: false, belowMost: false };

export const anyString = (rules: Rules) => rules.add(`${quote} ${anyJsonCharacter}* ${quote}`);

const anyValues = new WeakMap<Rules, string>();

/** Any JSON value. */
export function anyValue(rules: Rules): string {
  const known = anyValues.get(rules);
  if (known !== undefined) return known;
  const name = rules.reserve();
  anyValues.set(rules, name);
  const string = anyString(rules);
  const member = rules.add(`${string} ${text(': ')} ${name}`);
  rules.define(
    name,
    either([
      string,
      rules.add(numberForm(free) as string),
      ...['true', 'false', 'null'].map(text),
      rules.add(`${text('[')} (${name} (${comma} ${name})*)? ${text(']')}`),
      rules.add(`${text('{')} (${member} (${comma} ${member})*)? ${text('}')}`),
    ]),
  );
  return name;
}
