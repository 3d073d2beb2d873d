/**
 * Writes grammars in the EBNF that xgrammar reads. An expression is a string of EBNF, safe to put in a sequence; a rule
 * is a named expression.
 */
import { type ByteRange, type CodePointRange, utf8Sequences } from './utf8.js';

/** An escape with a fixed number of digits: xgrammar's `\x` takes as many digits as follow. */
const escaped = (point: number) =>
  point > 0xffff ? `\\U${point.toString(16).padStart(8, '0')}` : `\\u${point.toString(16).padStart(4, '0')}`;

const isPlain = (point: number) => /[A-Za-z0-9 _:,{}./@]/.test(String.fromCodePoint(point));

const written = (point: number) => (isPlain(point) ? String.fromCodePoint(point) : escaped(point));

/** A string literal: exactly this text. */
export const literal = (text: string): string =>
  `"${Array.from(text, (character) => written(character.codePointAt(0) ?? 0)).join('')}"`;

/** xgrammar reads a class of one element as that code point, not as that byte: a lone byte is written twice. */
function byteClass(ranges: readonly ByteRange[]): string {
  const [[from, to] = [0, 0]] = ranges;
  if (ranges.length === 1 && from === to && from >= 0x80) return `[${escaped(from)}${escaped(from)}]`;
  return `[${ranges.map(([from, to]) => (from === to ? escaped(from) : `${escaped(from)}-${escaped(to)}`)).join('')}]`;
}

/**
 * One character of a set, which must not be empty. xgrammar's character classes are sets of bytes, so characters
 * beyond ASCII are written as sequences of their UTF-8 bytes.
 */
export function characterClass(set: readonly CodePointRange[]): string {
  const ascii = set.flatMap(([from, to]): CodePointRange[] =>
    from < 0x80 ? [[from, Math.min(to, 0x7f)]] : [],
  );
  const longer = set
    .filter(([, to]) => to >= 0x80)
    .flatMap(([from, to]) => utf8Sequences([Math.max(from, 0x80), to]))
    .map((sequence) => sequence.map((range) => byteClass([range])).join(' '));
  return either(ascii.length > 0 ? [byteClass(ascii), ...longer] : longer);
}

/** A choice of expressions; at least one. */
export const either = (alternatives: readonly string[]): string =>
  alternatives.length === 1 ? (alternatives[0] as string) : `(${alternatives.join(' | ')})`;

/**
 * Limits, in copies and characters, up to which a repetition is written out. Longer ones use xgrammar's own `{m,n}`,
 * which confuses several repetitions that are open at the same time.
 */
const mostCopies = 32;
const longestWritten = 3_000;

/** `expression` repeated from `least` to `most` times; Infinity for no upper limit. */
export function repeat(expression: string, least: number, most: number): string {
  if (most === 0) return literal('');
  if (least === 1 && most === 1) return expression;
  const one = `(${expression})`;
  const copies = most === Number.POSITIVE_INFINITY ? least : most;
  if (copies > mostCopies || copies * one.length > longestWritten)
    return `${one}{${least},${most === Number.POSITIVE_INFINITY ? '' : most}}`;
  const required = Array.from({ length: least }, () => one);
  if (most === Number.POSITIVE_INFINITY) return [...required, `${one}*`].join(' ');
  let optional = '';
  for (let i = least; i < most; i++) optional = optional === '' ? `${one}?` : `(${one} ${optional})?`;
  return [...required, ...(optional === '' ? [] : [optional])].join(' ');
}

/** The rules of one grammar. Rules that `add` was given with equal bodies are one rule. */
export class Rules {
  readonly #bodies = new Map<string, string>();
  readonly #names = new Map<string, string>();
  #length = 0;

  /** Characters of all bodies. */
  get length(): number {
    return this.#length;
  }

  /** The name of a new rule whose body `define` gives later: a recursive rule refers to itself by it. */
  reserve(): string {
    const name = `r${this.#bodies.size}`;
    this.#bodies.set(name, '');
    return name;
  }

  /** Gives a reserved rule its body. */
  define(name: string, body: string): void {
    this.#bodies.set(name, body);
    this.#length += body.length;
  }

  /** The name of the rule with this body, which is added if there is none. */
  add(body: string): string {
    const known = this.#names.get(body);
    if (known !== undefined) return known;
    const name = this.reserve();
    this.define(name, body);
    this.#names.set(body, name);
    return name;
  }

  /** The whole grammar, with `expression` as its root. */
  grammar(expression: string): string {
    const rules = [...this.#bodies].map(([name, body]) => `${name} ::= ${body}`);
    return [`root ::= ${expression}`, ...rules].join('\n');
  }
}
