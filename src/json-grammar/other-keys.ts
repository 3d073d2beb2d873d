/** Keys of an object's additional properties: any key but the names of its declared properties. */
import { anyJsonCharacter, everyCharacter, jsonCharacter, only, union, without } from './characters.js';
import { either, literal, type Rules } from './ebnf.js';

/** A node of the trie of the names. */
interface Branch {
  readonly next: Map<string, Branch>;
  /** Whether a name ends here. */
  ends: boolean;
}

/** Characters that need no escape: without escapes, each name has only one spelling that must be excluded. */
const plain = without(everyCharacter, union([[0, 0x1f]], only('"'), only('\\')));

const plainKey = () => `${jsonCharacter(plain)}*`;

/**
 * Characters of all names up to which they are excluded character by character, which takes time to compile for each
 * character. Beyond it, other keys may not begin with the first character of any name.
 */
const mostExact = 24;

/** A JSON string, quotes included, that is none of the names. */
export function otherKey(rules: Rules, names: readonly string[]): string {
  if (names.length === 0) return rules.add(`${literal('"')} ${anyJsonCharacter}* ${literal('"')}`);
  const root: Branch = { next: new Map(), ends: false };
  const exact = names.join('').length <= mostExact;
  for (const name of names) {
    let branch = root;
    for (const character of exact ? name : name.slice(0, 1)) {
      const next = branch.next.get(character) ?? { next: new Map(), ends: false };
      branch.next.set(character, next);
      branch = next;
    }
    branch.ends = true;
  }
  const tail = rules.add(`${plainKey()} ${literal('"')}`);
  const rest = ({ next, ends }: Branch): string => {
    const others = without(plain, union(...[...next.keys()].map(only)));
    const alternatives = [`${jsonCharacter(others)} ${tail}`];
    if (!ends) alternatives.push(literal('"'));
    for (const [character, branch] of next) {
      const written = jsonCharacter(without(only(character), without([[0, 0x10ffff]], plain)));
      if (exact && written !== null) alternatives.push(`${written} ${rest(branch)}`);
    }
    return rules.add(either(alternatives));
  };
  return `${literal('"')} ${rest(root)}`;
}
