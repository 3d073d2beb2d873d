/** Keys that are none of some names: what other properties of an object may be called. */
import { anyJsonCharacter, everyCharacter, jsonCharacter, only, union, without } from './characters.js';
import { either, type Rules, text } from './ebnf.js';

interface Branch {
  readonly next: Map<string, Branch>;
  ends: boolean;
}

/** Written without escapes: a name has one way to be written then. */
const plain = without(everyCharacter, union([[0, 0x1f]], only('"'), only('\\')));

const plainKey = () => `${jsonCharacter(plain)}*`;

/** Beyond that many characters of names, others begin with another character than they: each one takes time to compile. */
const mostWalked = 24;

/** @returns a string of any characters, quotes included, but none of the names */
export function otherKey(rules: Rules, names: readonly string[]): string {
  if (names.length === 0) return rules.add(`${text('"')} ${anyJsonCharacter}* ${text('"')}`);
  const root: Branch = { next: new Map(), ends: false };
  const walked = names.join('').length <= mostWalked;
  for (const name of names) {
    let branch = root;
    for (const character of walked ? name : name.slice(0, 1)) {
      const next = branch.next.get(character) ?? { next: new Map(), ends: false };
      branch.next.set(character, next);
      branch = next;
    }
    branch.ends = true;
  }
  const tail = rules.add(`${plainKey()} ${text('"')}`);
  const form = ({ next, ends }: Branch): string => {
    const others = without(plain, union(...[...next.keys()].map(only)));
    const forms = [`${jsonCharacter(others)} ${tail}`];
    if (!ends) forms.push(text('"'));
    for (const [character, branch] of next) {
      const written = jsonCharacter(without(only(character), without([[0, 0x10ffff]], plain)));
      if (walked && written !== null) forms.push(`${written} ${form(branch)}`);
    }
    return rules.add(either(forms));
  };
  return `${text('"')} ${form(root)}`;
}
