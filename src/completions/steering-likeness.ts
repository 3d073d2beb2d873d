/**
 * Which unknown fields of a request are meant to steer it: by what their names are made of, for every tool has names of
 * its own (`steering_config`, `steer_vector_request`, `features`, `vector_name`). A steering that nothing reads must not
 * pass in silence; fields of other servers that have nothing to do with it must.
 */
import { closest } from '../common/closest.js';

/** Parts of a name that speak of steering, with what only looks like it left out: vector stores, feature flags. */
const parts = [
  /steer|concept|strength|intervention|activation/,
  /vector(?!s?_?(store|db|database|index|search))/,
  /feature(?!s?_?(flag|gate|toggle|set_?id))/,
  /(^|_)(cvecs?|sae|caa|repe|repeng|ablat\w*|clamp|amplify)(_|$)/,
];

/** Whole words that one letter more, less or other does not hide: "steerng_config". */
const words = ['steering', 'concept', 'strength', 'vector', 'feature', 'activation', 'intervention'];
const shortestMisspelt = 5;

/** Last words of a name that stand for a number, and for a name. */
const amounts =
  /^(strengths?|scales?|coefficients?|coeffs?|multipliers?|alpha|weights?|intensity|amount|factor)$/;
const names = /^(names?|ids?|labels?|key)$/;

/** `steeringConfig` and `Steering-Config` as `steering_config`. */
const snakeCase = (field: string) =>
  field
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');

/** Names of more letters are not looked at: no field is that long, and each costs time. */
const longest = 200;

export function looksLikeSteering(field: string): boolean {
  if (field.length > longest) return false;
  const name = snakeCase(field);
  if (parts.some((part) => part.test(name))) return true;
  // Words that are spelt right have been judged with what follows them.
  return name
    .split('_')
    .some(
      (word) => word.length >= shortestMisspelt && !/^(vector|feature)s?$/.test(word) && oneLetterOff(word),
    );
}

function oneLetterOff(word: string): boolean {
  const near = closest(word, words);
  return near !== undefined && Math.abs(near.length - word.length) <= 1 && editsAtMostOne(word, near);
}

/** Whether one insertion, deletion, substitution or swap of neighbours makes `b` of `a`. */
function editsAtMostOne(a: string, b: string): boolean {
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  if (left.length <= 1 && right.length <= 1) return true;
  return left.length === 2 && right.length === 2 && left[0] === right[1] && left[1] === right[0];
}

/**
 * What a field that looks like steering should have been, as the end of a sentence.
 * @param itemFields fields of an item of `steering` that no request has of its own
 */
export function meantField(field: string, value: unknown, itemFields: ReadonlySet<string>): string {
  const all = snakeCase(field).split('_');
  const last = all.at(-1) ?? '';
  if (amounts.test(last) && typeof value === 'number') return didYouMean('strength');
  if (all.length > 1 && itemFields.has(last)) return insideSteering(last);
  if (last === 'budget') return insideSteeringSet(last);
  if (amounts.test(last)) return didYouMean('strength');
  if (typeof value === 'string' && (names.test(last) || all.length === 1)) return didYouMean('concept');
  if (names.test(last)) return didYouMean('concept');
  return didYouMean('steering');
}

export const didYouMean = (field: string) => `did you mean "${field}"?`;

export const insideSteering = (field: string) =>
  `it belongs inside steering: {"steering": {"concept": ..., "${field}": ...}}`;

export const insideSteeringSet = (field: string) =>
  `it belongs inside steering: {"steering": {"items": [...], "${field}": ...}}`;
