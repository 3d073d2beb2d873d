/** Expressions for objects: declared properties in their order, optional ones among them, then additional ones. */
import { either, literal, type Rules, repeat } from './ebnf.js';
import { comma } from './json-values.js';

/** A declared property. */
interface Property {
  readonly name: string;
  /** Expression of its value. */
  readonly value: string;
  readonly required: boolean;
}

/** Additional properties: how many, and the expressions of each one's key and value. */
interface AdditionalProperties {
  readonly key: string;
  readonly value: string;
  readonly least: number;
  readonly most: number;
}

const member = ({ name, value }: Property) => `${literal(`${JSON.stringify(name)}: `)} ${value}`;

/** @param additional null when the object may have declared properties only */
export function objectExpression(
  rules: Rules,
  properties: readonly Property[],
  additional: AdditionalProperties | null,
): string {
  const other = additional && rules.add(`${additional.key} ${literal(': ')} ${additional.value}`);
  const [least, most] = [additional?.least ?? 0, additional?.most ?? 0];
  // From the last property to the first: what may follow a member there, and what the object may begin with there.
  let after = other && most > 0 ? rules.add(repeat(`${comma} ${other}`, least, most)) : literal('');
  let begin: string | null = null;
  if (least === 0) begin = literal('');
  if (other && most > 0) {
    const some = rules.add(`${other} ${repeat(`${comma} ${other}`, Math.max(0, least - 1), most - 1)}`);
    begin = least === 0 ? rules.add(either([some, literal('')])) : some;
  }
  for (const property of [...properties].reverse()) {
    const own = rules.add(member(property));
    const first = `${own} ${after}`;
    begin = property.required || begin === null ? rules.add(first) : rules.add(either([first, begin]));
    const next = `${comma} ${own} ${after}`;
    after = property.required ? rules.add(next) : rules.add(either([next, after]));
  }
  return `${literal('{')} ${begin ?? literal('')} ${literal('}')}`;
}
