/** Sets of characters, and expressions for a character as JSON writes it inside a string. */
import { characterClass, either, literal } from './ebnf.js';
import type { CodePointRange } from './utf8.js';

/** Ranges of code points without overlap. */
export type CharacterSet = readonly CodePointRange[];

/** The characters of one UTF-16 unit: validators disagree on whether a longer one counts as one or two. */
export const everyCharacter: CharacterSet = [
  [0, 0xd7ff],
  [0xe000, 0xfffd],
];

/** The union, its ranges in ascending order. */
export function union(...sets: readonly CharacterSet[]): CharacterSet {
  const merged: [number, number][] = [];
  for (const [from, to] of sets.flat().sort(([a], [b]) => a - b)) {
    const last = merged.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** The characters of `set` that are not in `removed`. */
export function without(set: CharacterSet, removed: CharacterSet): CharacterSet {
  const gone = union(removed);
  const left: CodePointRange[] = [];
  let next = 0;
  for (const [from, end] of union(set)) {
    let start = from;
    // One that reaches beyond this range may take from the next, too.
    while (next < gone.length && (gone[next]?.[1] ?? 0) < start) next++;
    for (let at = next; at < gone.length && (gone[at]?.[0] ?? 0) <= end; at++) {
      const [first, last] = gone[at] as CodePointRange;
      if (first > start) left.push([start, first - 1]);
      start = Math.max(start, last + 1);
    }
    if (start <= end) left.push([start, end]);
  }
  return left;
}

/** The intersection. */
export const intersection = (a: CharacterSet, b: CharacterSet): CharacterSet =>
  without(a, without([[0, 0x10ffff]], b));

/** The set of one character. */
export const only = (character: string): CharacterSet => {
  const point = character.codePointAt(0) ?? 0;
  return [[point, point]];
};

/** Characters with a short escape in JSON, by code point. */
const shortEscapes: ReadonlyMap<number, string> = new Map(
  Object.entries({
    '"': '\\"',
    '\\': '\\\\',
    '\b': '\\b',
    '\f': '\\f',
    '\n': '\\n',
    '\r': '\\r',
    '\t': '\\t',
  }).map(([character, written]) => [character.codePointAt(0) ?? 0, written]),
);
/** Characters that JSON must escape inside a string. */
const mustEscape: CharacterSet = union([[0, 0x1f]], only('"'), only('\\'));

/**
 * One character of the set as JSON writes it. Control characters without a short escape are left out; null when no
 * character is left.
 */
export function jsonCharacter(set: CharacterSet): string | null {
  const plain = without(set, mustEscape);
  const alternatives = plain.length > 0 ? [characterClass(plain)] : [];
  for (const [point, written] of shortEscapes) {
    if (set.some(([from, to]) => point >= from && point <= to)) alternatives.push(literal(written));
  }
  return alternatives.length === 0 ? null : either(alternatives);
}

/** Any character of a JSON string. */
export const anyJsonCharacter = `(${characterClass(
  without(
    [
      [0x20, 0xd7ff],
      [0xe000, 0x10ffff],
    ],
    mustEscape,
  ),
)} | ${literal('\\')} ${characterClass([...'"\\/bfnrt'].flatMap((character) => only(character)))})`;
/** Any character that every validator counts as one. */
export const countedJsonCharacter = jsonCharacter(
  without(everyCharacter, [
    [0, 7],
    [0xb, 0xb],
    [0xe, 0x1f],
  ]),
) as string;
