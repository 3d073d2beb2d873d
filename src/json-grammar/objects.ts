/** Objects: named properties in their order, those that may be left out, then others. */
import { either, type Rules, text, times } from './ebnf.js';
import { comma } from './json-values.js';

export interface Property {
  readonly name: string;
  readonly value: string;
  readonly required: boolean;
}

/** Properties without a name of their own. */
export interface OtherProperties {
  readonly key: string;
  readonly value: string;
  readonly least: number;
  readonly most: number;
}

const member = ({ name, value }: Property) => `${text(`${JSON.stringify(name)}: `)} ${value}`;

export function objectForm(
  rules: Rules,
  properties: readonly Property[],
  others: OtherProperties | null,
): string {
  const other = others && rules.add(`${others.key} ${text(': ')} ${others.value}`);
  const [least, most] = [others?.least ?? 0, others?.most ?? 0];
  /** What may follow a member, and what may begin the object: from the last property to the first. */
  let after = other && most > 0 ? rules.add(times(`${comma} ${other}`, least, most)) : text('');
  let begin: string | null = null;
  if (least === 0) begin = text('');
  if (other && most > 0) {
    const some = rules.add(`${other} ${times(`${comma} ${other}`, Math.max(0, least - 1), most - 1)}`);
    begin = least === 0 ? rules.add(either([some, text('')])) : some;
  }
  for (const property of [...properties].reverse()) {
    const own = rules.add(member(property));
    const first = `${own} ${after}`;
    begin = property.required || begin === null ? rules.add(first) : rules.add(either([first, begin]));
    const next = `${comma} ${own} ${after}`;
    after = property.required ? rules.add(next) : rules.add(either([next, after]));
  }
  return `${text('{')} ${begin ?? text('')} ${text('}')}`;
}
