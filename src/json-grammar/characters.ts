/** Sets of characters, and how JSON writes them inside a string. */
import { type CodePointRange, either, oneOf, text } from './ebnf.js';

export type CharacterSet = readonly CodePointRange[];

/** Characters of one UTF-16 unit: validators disagree on whether longer ones count as one or two. */
export const everyCharacter: CharacterSet = [
  [0, 0xd7ff],
  [0xe000, 0xfffd],
];

/** Sorted, without overlap. */
export function union(...sets: readonly CharacterSet[]): CharacterSet {
  const merged: [number, number][] = [];
  for (const [from, to] of sets.flat().sort(([a], [b]) => a - b)) {
    const last = merged.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** What of `set` is not in `taken`. */
export function without(set: CharacterSet, taken: CharacterSet): CharacterSet {
  let left: CodePointRange[] = [...set];
  for (const [from, to] of taken) {
    left = left.flatMap(([start, end]): CodePointRange[] => {
      if (to < start || from > end) return [[start, end]];
      const before: CodePointRange[] = start < from ? [[start, from - 1]] : [];
      const after: CodePointRange[] = end > to ? [[to + 1, end]] : [];
      return [...before, ...after];
    });
  }
  return left;
}

export const both = (a: CharacterSet, b: CharacterSet): CharacterSet =>
  without(a, without([[0, 0x10ffff]], b));

export const only = (character: string): CharacterSet => {
  const point = character.codePointAt(0) ?? 0;
  return [[point, point]];
};

const escaped: ReadonlyMap<number, string> = new Map(
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
const unwritten: CharacterSet = union([[0, 0x1f]], only('"'), only('\\'));

/** One character of the set as JSON writes it; null where it writes none (most control characters are left out). */
export function jsonCharacter(set: CharacterSet): string | null {
  const plain = without(set, unwritten);
  const forms = plain.length > 0 ? [oneOf(plain)] : [];
  for (const [point, written] of escaped) {
    if (set.some(([from, to]) => point >= from && point <= to)) forms.push(text(written));
  }
  return forms.length === 0 ? null : either(forms);
}

/** Any character of a string. */
export const anyJsonCharacter = `(${oneOf(
  without(
    [
      [0x20, 0xd7ff],
      [0xe000, 0x10ffff],
    ],
    unwritten,
  ),
)} | ${text('\\')} ${oneOf([...'"\\/bfnrt'].flatMap((character) => only(character)))})`;
/** One that every validator counts as one. */
export const countedJsonCharacter = jsonCharacter(
  without(everyCharacter, [
    [0, 7],
    [0xb, 0xb],
    [0xe, 0x1f],
  ]),
) as string;
