/** Two runs side by side: differences within concepts that both have, with bootstrap intervals over these pairs. */
import { bootstrapMean, type Estimate } from './bootstrap.js';
import { keyOf } from './concepts.js';
import type { Variant } from './records.js';
import { allClasses, type ConceptFigure, type Summary } from './summary.js';

export interface Difference {
  /** `judge measure`. */
  readonly figure: string;
  readonly variant: string;
  /** What it is called in the second run, where that is another name. */
  readonly other: string;
  readonly class: string;
  readonly which: 'fixed' | 'oracle';
  readonly a: number;
  readonly b: number;
  /** b - a, paired by concept. */
  readonly difference: Estimate;
}

export interface Comparison {
  readonly object: 'benchmark.comparison';
  readonly models: readonly [string, string];
  readonly differences: readonly Difference[];
  /** Variants that only one of the two has. */
  readonly unpaired: readonly string[];
}

/** Variants pair by name; where none does and each run has one, these two. */
export function compareRuns(a: Summary, b: Summary, seed: number): Comparison {
  const [left, right] = [variantsIn(a), variantsIn(b)];
  const shared = left.filter((id) => right.includes(id));
  const own = (list: readonly string[]) => list.filter((id) => !['plain', 'told'].includes(id));
  const [onlyLeft, onlyRight] = [own(left), own(right)];
  const alone = own(shared).length === 0 && onlyLeft.length === 1 && onlyRight.length === 1;
  const pairs: (readonly [string, string])[] = shared.map((id) => [id, id]);
  if (alone) pairs.push([onlyLeft[0] as string, onlyRight[0] as string]);
  const differences = pairs.flatMap(([variant, other]) => differencesOf(a, b, variant, other, seed));
  const unpaired = alone ? [] : [...onlyLeft, ...onlyRight].filter((id) => !shared.includes(id));
  return { object: 'benchmark.comparison', models: [a.model, b.model], differences, unpaired };
}

/**
 * Every other way of a run beside its first, which `--one-at-a-time` varies one option of: the same concepts and the same prompts,
 * so that what differs among concepts cancels out.
 */
export function besideFirst(summary: Summary, variants: readonly Variant[], seed: number): Difference[] {
  const [first, ...others] = variants;
  if (first === undefined) return [];
  return others.flatMap(({ id }) => differencesOf(summary, summary, first.id, id, seed));
}

/** What is another in the second of two ways, in words: `token -1 for chosen`. */
export function changed(first: Variant, other: Variant): string {
  const shown = (value: unknown) =>
    value === null
      ? 'usual'
      : typeof value === 'object'
        ? Object.entries(value).flat().join(' ')
        : String(value);
  return options
    .flatMap((name) => {
      const [before, now] = [shown(first[name]), shown(other[name])];
      return before === now ? [] : [`${name} ${now} for ${before}`];
    })
    .join(', ');
}

const options = [
  'recipe',
  'method',
  'contrast',
  'profile',
  'token',
  'labels',
  'layers',
  'statements',
] as const satisfies readonly Exclude<keyof Variant, 'id'>[];

const variantsIn = (summary: Summary) => [...new Set(summary.concepts.map(({ variant }) => variant))];

function differencesOf(a: Summary, b: Summary, variant: string, other: string, seed: number): Difference[] {
  const inB = new Map<string, ConceptFigure>();
  for (const one of b.concepts) if (one.variant === other) inB.set(keyOfFigure(one), one);
  const pairs = a.concepts.flatMap((one) => {
    const match = one.variant === variant ? inB.get(keyOfFigure(one)) : undefined;
    return match === undefined ? [] : [[one, match] as const];
  });
  const names = new Set(pairs.flatMap(([one]) => Object.keys(one.figures)));
  const classes = [allClasses, ...new Set(pairs.map(([one]) => one.class))];
  const found: Difference[] = [];
  for (const figure of names)
    for (const group of classes)
      for (const which of ['fixed', 'oracle'] as const) {
        const values = pairs.flatMap(([one, match]) => {
          if (group !== allClasses && one.class !== group) return [];
          const [x, y] = [one.figures[figure]?.[which], match.figures[figure]?.[which]];
          return x == null || y == null ? [] : [{ x, y }];
        });
        const difference = bootstrapMean(
          values.map(({ x, y }) => y - x),
          seed,
        );
        if (difference === null) continue;
        const mean = (of: (pair: { x: number; y: number }) => number) =>
          Math.round((1e4 * values.reduce((sum, pair) => sum + of(pair), 0)) / values.length) / 1e4;
        const [left, right] = [mean(({ x }) => x), mean(({ y }) => y)];
        found.push({ figure, variant, other, class: group, which, a: left, b: right, difference });
      }
  return found;
}

const keyOfFigure = ({ class: group, concept }: ConceptFigure) => keyOf({ class: group, name: concept });
