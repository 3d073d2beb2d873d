/**
 * Grammars that requests bring, made safe for xgrammar: its character classes are sets of bytes, of which one beyond ASCII
 * would let through what it does not name. Such classes are written as sequences of bytes; the rest stays as it is.
 */
import { type CharacterSet, union, without } from './characters.js';
import { characterClass } from './ebnf.js';
import { PatternError } from './pattern.js';
import type { CodePointRange } from './utf8.js';

const everything: CharacterSet = [
  [0, 0xd7ff],
  [0xe000, 0x10ffff],
];
const controls: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  f: '\f',
  v: '\v',
  b: '\b',
  0: '\0',
};

/** Strings, comments and classes, each whole, or to the end where nothing closes it: to look for that end only once. */
const parts = /"(?:\\[\s\S]|[^"\\])*(?:"|\\?$)|#[^\n]*|\[(?:\\[\s\S]|[^\]\\])*(?:(\])|\\?$)/g;
/** A member of a class: an escape or a character. */
const member = /\\x[0-9a-fA-F]{1,8}|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|\\[\s\S]|[\s\S]/gu;

/** @throws PatternError for a class that cannot be read */
export const safeGrammar = (source: string): string =>
  source.replace(parts, (part, close?: string) => {
    if (!part.startsWith('[')) return part;
    if (close === undefined) throw new PatternError('has a set that nothing closes');
    return safeClass(part);
  });

function safeClass(written: string): string {
  const negated = written.startsWith('[^');
  const members = written.slice(negated ? 2 : 1, -1).match(member) ?? [];
  const points = members.map(pointOf);
  if (points.every((point) => point < 0x80)) return written;
  const ranges: CodePointRange[] = [];
  for (let i = 0; i < points.length; i++) {
    const from = points[i] as number;
    const isRange = members[i + 1] === '-' && i + 2 < points.length;
    const to = isRange ? (points[i + 2] as number) : from;
    if (to < from) throw new PatternError(`has a range in the wrong order: ${shortened(written)}`);
    ranges.push([from, to]);
    if (isRange) i += 2;
  }
  const set = union(ranges);
  const named = negated ? without(everything, set) : without(set, [[0xd800, 0xdfff]]);
  if (named.length === 0) throw new PatternError(`has a set without characters: ${shortened(written)}`);
  return characterClass(named);
}

const shortened = (written: string) => (written.length > 80 ? `${written.slice(0, 77)}...` : written);

function pointOf(written: string): number {
  const hex = /^\\[xuU]([0-9a-fA-F]+)$/.exec(written)?.[1];
  if (hex !== undefined) return Number.parseInt(hex, 16);
  const character = written.startsWith('\\') ? written.slice(1) : written;
  const meant = written.startsWith('\\') ? (controls[character] ?? character) : character;
  return meant.codePointAt(0) ?? 0;
}
