/** Grammars as xgrammar reads them (EBNF): texts, sets of characters, named rules. */

import { utf8Sequences } from './utf8.js';

export type CodePointRange = readonly [from: number, to: number];

/** With a fixed number of digits: xgrammar's `\x` takes as many as come. */
const unit = (point: number) =>
  point > 0xffff ? `\\U${point.toString(16).padStart(8, '0')}` : `\\u${point.toString(16).padStart(4, '0')}`;

const isPlain = (point: number) => /[A-Za-z0-9 _:,{}./@]/.test(String.fromCodePoint(point));

const written = (point: number) => (isPlain(point) ? String.fromCodePoint(point) : unit(point));

/** A text as it stands. */
export const text = (value: string): string =>
  `"${Array.from(value, (character) => written(character.codePointAt(0) ?? 0)).join('')}"`;

const bytes = (ranges: readonly CodePointRange[]): string =>
  `[${ranges.map(([from, to]) => (from === to ? unit(from) : `${unit(from)}-${unit(to)}`)).join('')}]`;

/**
 * One character of a set that is not empty. xgrammar's sets are sets of bytes: what is no ASCII is spelt out.
 */
export function oneOf(set: readonly CodePointRange[]): string {
  const ascii = set.flatMap(([from, to]): CodePointRange[] =>
    from < 0x80 ? [[from, Math.min(to, 0x7f)]] : [],
  );
  const longer = set
    .filter(([, to]) => to >= 0x80)
    .flatMap(([from, to]) => utf8Sequences([Math.max(from, 0x80), to]))
    .map((sequence) => sequence.map((range) => bytes([range])).join(' '));
  return either(ascii.length > 0 ? [bytes(ascii), ...longer] : longer);
}

export const either = (forms: readonly string[]): string =>
  forms.length === 1 ? (forms[0] as string) : `(${forms.join(' | ')})`;

/** Beyond that a repetition is xgrammar's own, which mixes up several that run side by side. */
const mostWritten = 32;
const longestWritten = 3_000;

/** `form` from `least` to `most` times; Infinity for no end. */
export function times(form: string, least: number, most: number): string {
  if (most === 0) return text('');
  if (least === 1 && most === 1) return form;
  const one = `(${form})`;
  const copies = most === Number.POSITIVE_INFINITY ? least : most;
  if (copies > mostWritten || copies * one.length > longestWritten)
    return `${one}{${least},${most === Number.POSITIVE_INFINITY ? '' : most}}`;
  const sure = Array.from({ length: least }, () => one);
  if (most === Number.POSITIVE_INFINITY) return [...sure, `${one}*`].join(' ');
  let rest = '';
  for (let i = least; i < most; i++) rest = rest === '' ? `${one}?` : `(${one} ${rest})?`;
  return [...sure, ...(rest === '' ? [] : [rest])].join(' ');
}

/** Named rules; equal bodies share one. */
export class Rules {
  readonly #bodies = new Map<string, string>();
  readonly #names = new Map<string, string>();
  #length = 0;

  /** Characters of all bodies. */
  get length(): number {
    return this.#length;
  }

  /** A rule's name, whose body comes later by `define`. */
  reserve(): string {
    const name = `r${this.#bodies.size}`;
    this.#bodies.set(name, '');
    return name;
  }

  define(name: string, body: string): void {
    this.#bodies.set(name, body);
    this.#length += body.length;
  }

  /** The name of the rule with that body. */
  add(body: string): string {
    const known = this.#names.get(body);
    if (known !== undefined) return known;
    const name = this.reserve();
    this.define(name, body);
    this.#names.set(body, name);
    return name;
  }

  /** The grammar whose texts are those of `form`. */
  grammar(form: string): string {
    const rules = [...this.#bodies].map(([name, body]) => `${name} ::= ${body}`);
    return [`root ::= ${form}`, ...rules].join('\n');
  }
}
