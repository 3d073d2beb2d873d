/** Grammar expressions for the strings that a regular expression matches, as JSON writes them. */
import { type CharacterSet, everyCharacter, intersection, jsonCharacter } from './characters.js';
import { characterClass, either, literal, repeat } from './ebnf.js';
import { type Pattern, PatternError, readPattern } from './pattern.js';

/** The fewest and the most characters of a match. */
function patternLength(pattern: Pattern): readonly [number, number] {
  switch (pattern.kind) {
    case 'set':
      return [1, 1];
    case 'repeat': {
      const [least, most] = patternLength(pattern.part);
      return [least * pattern.least, most === 0 || pattern.most === 0 ? 0 : most * pattern.most];
    }
    case 'choice': {
      const lengths = pattern.parts.map(patternLength);
      return [Math.min(...lengths.map(([least]) => least)), Math.max(...lengths.map(([, most]) => most))];
    }
    case 'sequence': {
      const lengths = pattern.parts.map(patternLength);
      return [
        lengths.reduce((sum, [least]) => sum + least, 0),
        lengths.reduce((sum, [, most]) => sum + most, 0),
      ];
    }
    default:
      return [0, 0];
  }
}

/**
 * The pattern limited to matches of `least` to `most` characters. That is supported where the pattern implies the
 * limits already, and for a repetition of one character set; null otherwise.
 */
export function withLength(pattern: Pattern, least: number, most: number): Pattern | null {
  const [shortest, longest] = patternLength(pattern);
  if (shortest >= least && longest <= most) return pattern;
  const lone =
    pattern.kind === 'sequence' &&
    pattern.parts.filter((part) => part.kind !== 'sequence' || part.parts.length > 0);
  if (lone && lone.length === 1 && lone[0]) return withLength(lone[0], least, most);
  if (pattern.kind !== 'repeat' || pattern.part.kind !== 'set') return null;
  const range = { least: Math.max(pattern.least, least), most: Math.min(pattern.most, most) };
  return range.least > range.most ? null : { ...pattern, ...range };
}

/**
 * The strings that match, without their quotes.
 * @param write a character of a set: by default as JSON writes it; null when it can write none of them
 * @throws PatternError for a set without characters
 */
export function patternExpression(
  pattern: Pattern,
  write: (set: CharacterSet) => string | null = jsonCharacter,
): string {
  const inner = (part: Pattern) => patternExpression(part, write);
  switch (pattern.kind) {
    case 'set': {
      const character = write(intersection(pattern.set, everyCharacter));
      if (character === null) throw new PatternError('has a set without characters');
      return character;
    }
    case 'repeat':
      return repeat(inner(pattern.part), pattern.least, pattern.most);
    case 'choice':
      return either(pattern.parts.map(inner));
    case 'sequence':
      return pattern.parts.length === 0 ? literal('') : pattern.parts.map(inner).join(' ');
    default:
      return literal('');
  }
}

/** A grammar of the texts that match as a whole, as they are and not as JSON. @throws PatternError */
export const regexGrammar = (source: string): string =>
  `root ::= ${patternExpression(readPattern(source), (set) => (set.length === 0 ? null : characterClass(set)))}`;
