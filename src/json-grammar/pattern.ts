/**
 * Parses regular expressions (ECMA-262, as JSON Schema's `pattern` has them) into trees that a grammar can be written
 * from. The pattern must match the whole string, where the schema asks for a match somewhere in it: the strings are a
 * subset. Lookaround, back references, word boundaries and \p are refused: they have no grammar here.
 */
import { type CharacterSet, everyCharacter, only, union, without } from './characters.js';
import type { CodePointRange } from './utf8.js';

export type Pattern =
  | { readonly kind: 'set'; readonly set: CharacterSet }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly Pattern[] }
  | { readonly kind: 'repeat'; readonly part: Pattern; readonly least: number; readonly most: number }
  | { readonly kind: 'start' | 'end' };

/** A pattern that cannot be made a grammar; the message completes "the pattern ...". */
export class PatternError extends Error {}

const digits: CharacterSet = [[0x30, 0x39]];
const word: CharacterSet = union(
  digits,
  [
    [0x41, 0x5a],
    [0x61, 0x7a],
  ],
  only('_'),
);
const space: CharacterSet = union(
  [
    [9, 13],
    [0x2000, 0x200a],
    [0x2028, 0x2029],
  ],
  ...[...' \u00a0\u1680\u202f\u205f\u3000\ufeff'].map(only),
);
const lineEnds: CharacterSet = [
  [0xa, 0xa],
  [0xd, 0xd],
  [0x2028, 0x2029],
];
/** The negated classes \D and \W are limited to ASCII: engines disagree on whether \d and \w match more than ASCII. */
const ascii: CharacterSet = [[0, 0x7f]];
const classes: Readonly<Record<string, CharacterSet>> = {
  d: digits,
  w: word,
  s: space,
  D: without(ascii, digits),
  W: without(ascii, word),
  S: without(everyCharacter, space),
};
const controls: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', 0: '\0' };
const mostRepeats = 10_000;
/** Of groups in groups: whatever reads a pattern calls itself for each. */
const mostDepth = 100;

/** A recursive descent parser. */
class Parser {
  #at = 0;
  #depth = 0;

  constructor(readonly source: string) {}

  whole(): Pattern {
    const pattern = this.#choice();
    if (this.#at < this.source.length) throw new PatternError(`has "${this.#peek()}" without its beginning`);
    return pattern;
  }

  #peek = () => this.source[this.#at] ?? '';

  #take(expected?: string): string {
    const character = this.#peek();
    if (character === '' || (expected !== undefined && character !== expected))
      throw new PatternError(expected ? `lacks "${expected}": it is unclosed` : 'ends too soon');
    this.#at++;
    return character;
  }

  #takes(prefix: string): boolean {
    if (!this.source.startsWith(prefix, this.#at)) return false;
    this.#at += prefix.length;
    return true;
  }

  #choice(): Pattern {
    const parts = [this.#sequence()];
    while (this.#takes('|')) parts.push(this.#sequence());
    return parts.length === 1 ? (parts[0] as Pattern) : { kind: 'choice', parts };
  }

  #sequence(): Pattern {
    const parts: Pattern[] = [];
    while (this.#peek() !== '' && this.#peek() !== '|' && this.#peek() !== ')') parts.push(this.#repeated());
    return parts.length === 1 ? (parts[0] as Pattern) : { kind: 'sequence', parts };
  }

  #repeated(): Pattern {
    const part = this.#atom();
    const [least, most] = this.#count() ?? [1, 1];
    if (least === 1 && most === 1) return part;
    if (part.kind === 'start' || part.kind === 'end') throw new PatternError('repeats an anchor');
    if (this.#count()) throw new PatternError('has a repetition of a repetition');
    return { kind: 'repeat', part, least, most };
  }

  #count(): readonly [number, number] | null {
    const counted = /^\{(\d{1,6})(,?)(\d{0,6})\}/.exec(this.source.slice(this.#at, this.#at + 20));
    let range: [number, number] | null = null;
    if (this.#takes('*')) range = [0, Number.POSITIVE_INFINITY];
    else if (this.#takes('+')) range = [1, Number.POSITIVE_INFINITY];
    else if (this.#takes('?')) range = [0, 1];
    else if (counted) {
      const [all, least = '', comma, most] = counted;
      this.#at += all.length;
      range = [Number(least), comma ? (most ? Number(most) : Number.POSITIVE_INFINITY) : Number(least)];
      const top = range[1] === Number.POSITIVE_INFINITY ? range[0] : range[1];
      if (range[0] > range[1] || top > mostRepeats)
        throw new PatternError(`must repeat at most ${mostRepeats} times: ${all}`);
    }
    // A lazy repetition matches the same strings as a greedy one.
    if (range) this.#takes('?');
    return range;
  }

  #atom(): Pattern {
    const character = this.#take();
    if (character === '^') return { kind: 'start' };
    if (character === '$') return { kind: 'end' };
    if (character === '.') return { kind: 'set', set: without(everyCharacter, lineEnds) };
    if (character === '[') return { kind: 'set', set: this.#class() };
    if (character === '(') return this.#group();
    if (character === '\\') return { kind: 'set', set: this.#escape() };
    if ('*+?'.includes(character)) throw new PatternError(`has "${character}" with nothing to repeat`);
    return { kind: 'set', set: only(this.#unit(character)) };
  }

  #unit(character: string): string {
    if (character >= '\ud800' && character <= '\udfff')
      throw new PatternError('has characters beyond U+FFFF');
    return character;
  }

  #group(): Pattern {
    if (++this.#depth > mostDepth) throw new PatternError(`has groups deeper than ${mostDepth} levels`);
    const inner = this.#grouped();
    this.#depth--;
    return inner;
  }

  #grouped(): Pattern {
    if (this.#takes('?=') || this.#takes('?!') || this.#takes('?<=') || this.#takes('?<!'))
      throw new PatternError('has lookahead or lookbehind');
    if (this.#takes('?<')) while (this.#take() !== '>');
    else if (this.#takes('?') && !this.#takes(':')) throw new PatternError('has a group of an unknown kind');
    const inner = this.#choice();
    this.#take(')');
    return inner;
  }

  #escape(inClass = false): CharacterSet {
    const character = this.#take();
    const known = classes[character];
    if (known) return known;
    if (inClass && character === 'b') return only('\b');
    if (/[bBkpP1-9]/.test(character)) throw new PatternError(`has \\${character}`);
    if (character === 'x' || character === 'u') return only(this.#unit(this.#hex(character === 'x' ? 2 : 4)));
    if (/[A-Za-z]/.test(character) && !Object.hasOwn(controls, character))
      throw new PatternError(`has \\${character}`);
    return only(this.#unit(controls[character] ?? character));
  }

  #hex(length: number): string {
    const number = this.source.slice(this.#at, this.#at + length);
    if (!/^[0-9a-fA-F]+$/.test(number) || number.length < length)
      throw new PatternError('has an escape without its number');
    this.#at += length;
    return String.fromCharCode(Number.parseInt(number, 16));
  }

  #class(): CharacterSet {
    const negated = this.#takes('^');
    const ranges: CodePointRange[] = [];
    let named = false;
    while (!this.#takes(']')) {
      const from = this.#member();
      if (this.#peek() === '-' && this.source[this.#at + 1] !== ']' && from.length === 1 && single(from)) {
        this.#take();
        const to = this.#member();
        const [start, end] = [from[0]?.[0] ?? 0, to[0]?.[1] ?? 0];
        if (!single(to) || start > end) throw new PatternError('has a range in the wrong order');
        ranges.push([start, end]);
      } else {
        named ||= !single(from);
        ranges.push(...from);
      }
    }
    const set = union(ranges);
    if (!negated) return set;
    return without(named ? ascii : everyCharacter, set);
  }

  #member(): CharacterSet {
    const character = this.#take();
    return character === '\\' ? this.#escape(true) : only(this.#unit(character));
  }
}

const single = (set: CharacterSet) => set.length === 1 && set[0]?.[0] === set[0]?.[1];

const isAnchor = ({ kind }: Pattern) => kind === 'start' || kind === 'end';

/**
 * Drops anchors at the ends, which hold anyway.
 * @throws PatternError for an anchor elsewhere: nothing could match it
 */
function withoutAnchors(pattern: Pattern, first: boolean, last: boolean): Pattern {
  switch (pattern.kind) {
    case 'set':
      return pattern;
    case 'start':
    case 'end':
      if (pattern.kind === 'start' ? first : last) return { kind: 'sequence', parts: [] };
      throw new PatternError('has an anchor in the middle');
    case 'repeat':
      return { ...pattern, part: withoutAnchors(pattern.part, false, false) };
    case 'choice':
      return { kind: 'choice', parts: pattern.parts.map((part) => withoutAnchors(part, first, last)) };
    case 'sequence': {
      const { parts } = pattern;
      return {
        kind: 'sequence',
        parts: parts.map((part, i) =>
          withoutAnchors(
            part,
            first && parts.slice(0, i).every(isAnchor),
            last && parts.slice(i + 1).every(isAnchor),
          ),
        ),
      };
    }
  }
}

/** @throws PatternError */
export const readPattern = (source: string): Pattern =>
  withoutAnchors(new Parser(source).whole(), true, true);
