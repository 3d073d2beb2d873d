/** One thing wrong: what clients get wrong, and what attackers try, at a random place of a body. */
import type { Chance } from './chance.js';

type Parent = Record<string, unknown> | unknown[];
interface Place {
  readonly parent: Parent;
  readonly key: string | number;
}

const isParent = (value: unknown): value is Parent => typeof value === 'object' && value !== null;

function placesOf(value: unknown, found: Place[] = []): Place[] {
  if (!isParent(value)) return found;
  for (const key of Array.isArray(value) ? value.keys() : Object.keys(value)) {
    found.push({ parent: value, key });
    placesOf(at({ parent: value, key }), found);
  }
  return found;
}

const at = ({ parent, key }: Place): unknown => (parent as Record<string | number, unknown>)[key];

function set({ parent, key }: Place, value: unknown): void {
  (parent as Record<string | number, unknown>)[key] = value;
}

const nested = (depth: number): unknown => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`);

const strange: readonly unknown[] = [
  'NaN',
  'Infinity',
  '1e400',
  '-0',
  '',
  ' ',
  '\u0000',
  '\ud83d',
  '\u202e\u0301\u200b',
  '__proto__',
  'constructor',
  '../../../../etc/passwd',
  "'; DROP TABLE concepts; --",
  '{{7*7}}',
  '<|im_end|>',
];
const numbers: readonly number[] = [
  -1,
  0,
  1.5,
  -1e308,
  1e308,
  5e-324,
  2 ** 31,
  2 ** 53,
  -(2 ** 53),
  2 ** 64,
  Number.EPSILON,
];
const otherTypes: readonly unknown[] = [null, true, false, 0, 1, 'text', [], {}, [null], { a: 1 }, [[]]];

/** Characters: beyond the limit of most bodies, and no trouble for who sends them. */
const largestList = 8_000_000;

type Mutation = (place: Place, chance: Chance) => void;

export const mutations: Readonly<Record<string, Mutation>> = {
  'wrong type': (place, chance) => set(place, structuredClone(chance.pick(otherTypes))),
  'null instead': (place) => set(place, null),
  'a number out of bounds': (place, chance) => set(place, chance.pick(numbers)),
  'a strange text': (place, chance) => set(place, chance.pick(strange)),
  missing: (place) => {
    if (Array.isArray(place.parent)) place.parent.splice(Number(place.key), 1);
    else delete place.parent[place.key];
  },
  'a field too many': ({ parent }, chance) => {
    if (Array.isArray(parent)) parent.push(structuredClone(parent[0] ?? 1));
    else parent[chance.pick(['extra', 'steerings', '__proto', 'toString', ''])] = chance.pick(otherTypes);
  },
  'misspelt field': (place, chance) => {
    if (Array.isArray(place.parent)) return;
    const value = at(place);
    const name = String(place.key);
    delete place.parent[name];
    const cut = chance.whole(0, Math.max(0, name.length - 1));
    place.parent[name.slice(0, cut) + name.slice(cut + 1)] = value;
  },
  'huge text': (place, chance) => set(place, chance.pick(['x', 'word ', '🙂']).repeat(20_000)),
  'huge list': (place, chance) => {
    const item = (Array.isArray(at(place)) ? (at(place) as unknown[])[0] : at(place)) ?? 0;
    const most = Math.ceil(largestList / JSON.stringify(item).length);
    set(place, Array(Math.min(most, chance.whole(1000, 20_000))).fill(item));
  },
  'wrapped in a list': (place) => set(place, [at(place)]),
  'too deep': (place, chance) => set(place, nested(chance.pick([20, 120, 300, 3000]))),
};

/** Bodies that are no JSON object at all, as they are sent. */
export const brokenBodies: readonly string[] = [
  '',
  '{',
  'null',
  '[]',
  '"text"',
  '0',
  'NaN',
  '{"a":1e400}',
  '{"a":NaN}',
  '{"__proto__":{"x":1}}',
  '{"a":1,}',
  '\u0000',
  `${'['.repeat(5000)}${']'.repeat(5000)}`,
];

/**
 * @param body changed in place
 * @returns what was done; null when there was no place for it
 */
export function mutate(body: unknown, chance: Chance): string | null {
  const places = placesOf(body);
  if (places.length === 0) return null;
  // Half of the time at the top, where the fields are that clients write by hand.
  const top = places.filter(({ parent }) => parent === body);
  const place = chance.pick(chance.in(0.5) ? top : places);
  const [name, change] = chance.pick(Object.entries(mutations));
  change(place, chance);
  return `${name} at ${String(place.key)}`;
}
