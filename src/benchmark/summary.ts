/**
 * Figures of a run from its records: success by class and variant with bootstrap intervals over the concepts, for every
 * judge, at the one fixed strength and at each concept's best point (the paper's way to count, an oracle's choice).
 */
import { bootstrapMean, type Estimate } from './bootstrap.js';
import { keyOf } from './concepts.js';
import { isFixed } from './plan.js';
import type { BenchRecord, Point, Run } from './records.js';
import { type Group, groupKey, type JudgeUse, Tally } from './tally.js';

export const builtIn = 'built-in';
/** In place of a class: all of them. */
export const allClasses = 'all';

/** What a measure is of: `success` is a judge's verdict; H is the built-in judge's, AxBench's of an external one (0 to 2). */
export const measures = ['success', 'identified', 'concept', 'fluency', 'instruction', 'harmonic'] as const;
export type Measure = (typeof measures)[number];

/** One figure of one judge. */
export interface Figure {
  readonly judge: string;
  readonly measure: Measure;
  /** A variant's id, or `plain` and `told` for the model without steering. */
  readonly variant: string;
  readonly class: string;
  /** At strength 1; of plain and told answers, which have no strength, as they are. */
  readonly fixed: Estimate | null;
  /** At the point where this measure is best, concept by concept. Null where nothing is steered. */
  readonly oracle: Estimate | null;
}

/** Means over the concepts at one point: a curve's. */
export interface PointFigure {
  readonly variant: string;
  readonly class: string;
  readonly point: Point;
  /** By `judge measure`. */
  readonly means: Readonly<Record<string, Estimate>>;
}

/** One concept in one variant. */
export interface ConceptFigure {
  readonly concept: string;
  readonly class: string;
  readonly variant: string;
  /** By `judge measure`: at strength 1, at the best point, and which that is. */
  readonly figures: Readonly<
    Record<string, { fixed: number | null; oracle: number | null; best: Point | null }>
  >;
}

export interface Summary {
  readonly object: 'benchmark.summary';
  readonly model: string;
  readonly answers: number;
  readonly fits: {
    readonly done: number;
    readonly failed: number;
    readonly weak: number;
    readonly seconds: number;
  };
  readonly judges: readonly string[];
  readonly figures: readonly Figure[];
  readonly points: readonly PointFigure[];
  readonly concepts: readonly ConceptFigure[];
  readonly judge_use: Readonly<Record<string, JudgeUse>>;
}

/** From records as they come, in any order. */
export async function summarise(
  run: Run,
  records: AsyncIterable<BenchRecord> | Iterable<BenchRecord>,
): Promise<Summary> {
  const tally = new Tally();
  for await (const record of records) tally.add(record);
  return summaryOf(run, tally);
}

export function summaryOf(run: Run, tally: Tally): Summary {
  const concepts = conceptFigures(run, tally);
  const external = [...new Set([...tally.use.keys()])].sort();
  const judges = [builtIn, ...external];
  const fits = [...tally.fits.values()];
  let answers = 0;
  for (const group of tally.groups.values()) answers += group.answers;
  return {
    object: 'benchmark.summary',
    model: run.model.id,
    answers,
    fits: {
      done: fits.length,
      failed: fits.filter(({ error }) => error !== null).length,
      weak: fits.filter(({ weak }) => weak === true).length,
      seconds: Math.round(fits.reduce((sum, { seconds }) => sum + Math.round(seconds * 1000), 0) / 1000),
    },
    judges,
    figures: figuresOf(run, judges, concepts),
    points: pointFigures(run, tally),
    concepts,
    judge_use: Object.fromEntries([...tally.use].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

type Values = Record<string, number | null>;
const nameOf = (judge: string, measure: Measure) => `${judge} ${measure}`;

/** Every measure of a group, by every judge that knows it. */
function valuesOf(group: Group | undefined, plain: Group | undefined, told: Group | undefined): Values {
  if (group === undefined || group.answers === 0) return {};
  const scores = group.scores(plain, told);
  const values: Values = {
    [nameOf(builtIn, 'success')]: group.success.value,
    [nameOf(builtIn, 'identified')]: group.identified.value,
    [nameOf(builtIn, 'concept')]: scores?.concept ?? null,
    [nameOf(builtIn, 'fluency')]: scores?.fluency ?? null,
    [nameOf(builtIn, 'instruction')]: scores?.instruction ?? null,
    [nameOf(builtIn, 'harmonic')]: scores?.harmonic ?? null,
  };
  for (const [judge, means] of group.judges)
    for (const measure of ['success', 'concept', 'fluency', 'instruction', 'harmonic'] as const)
      values[nameOf(judge, measure)] = means[measure].value;
  return values;
}

/** What is not steered, as a variant of its own. */
const unsteered = ['plain', 'told'] as const;

function conceptFigures({ concepts, variants, points }: Run, tally: Tally): ConceptFigure[] {
  return concepts.flatMap((concept): ConceptFigure[] => {
    const about = { concept: concept.name, class: concept.class };
    const key = keyOf(concept);
    const [plain, told] = unsteered.map((way) => tally.groups.get(groupKey(key, way, null, null)));
    const references = unsteered.map((way, i): ConceptFigure => {
      const values = valuesOf([plain, told][i], plain, told);
      const figures = Object.entries(values).map(([name, value]) => [
        name,
        { fixed: value, oracle: null, best: null },
      ]);
      return { ...about, variant: way, figures: Object.fromEntries(figures) };
    });
    const steered = variants.map(({ id }): ConceptFigure => {
      const at = points.map((point) => ({
        point,
        values: valuesOf(tally.groups.get(groupKey(key, 'steered', id, point)), plain, told),
      }));
      const names = new Set(at.flatMap(({ values }) => Object.keys(values)));
      const figures = [...names].map((name) => {
        const known = at.flatMap(({ point, values }) => {
          const value = values[name] ?? null;
          return value === null ? [] : [{ point, value }];
        });
        const best = known.reduce<(typeof known)[number] | null>(
          (most, one) => (most === null || one.value > most.value ? one : most),
          null,
        );
        const fixed = known.find(({ point }) => isFixed(point))?.value ?? null;
        return [name, { fixed, oracle: best?.value ?? null, best: best?.point ?? null }];
      });
      return { ...about, variant: id, figures: Object.fromEntries(figures) };
    });
    return [...references, ...steered].filter(({ figures }) => Object.keys(figures).length > 0);
  });
}

const classesOf = (run: Run) => [allClasses, ...new Set(run.concepts.map((concept) => concept.class))];
const inClass = (group: string, one: { readonly class: string }) =>
  group === allClasses || one.class === group;

function figuresOf(run: Run, judges: readonly string[], concepts: readonly ConceptFigure[]): Figure[] {
  const variants = [...unsteered, ...run.variants.map(({ id }) => id)];
  const figures: Figure[] = [];
  for (const judge of judges)
    for (const measure of measures)
      for (const variant of variants)
        for (const group of classesOf(run)) {
          const of = concepts
            .filter((one) => one.variant === variant && inClass(group, one))
            .map((one) => one.figures[nameOf(judge, measure)]);
          const estimate = (which: 'fixed' | 'oracle') =>
            bootstrapMean(
              of.flatMap((one) => one?.[which] ?? []),
              run.options.seed,
            );
          const [fixed, oracle] = [estimate('fixed'), estimate('oracle')];
          if (fixed !== null || oracle !== null)
            figures.push({ judge, measure, variant, class: group, fixed, oracle });
        }
  return figures;
}

/** A curve has many points, each with all measures. */
const drawsOfCurves = 400;

function pointFigures(run: Run, tally: Tally): PointFigure[] {
  return run.variants.flatMap(({ id }) =>
    classesOf(run).flatMap((group) =>
      run.points.flatMap((point): PointFigure[] => {
        const values = new Map<string, number[]>();
        for (const concept of run.concepts) {
          if (!inClass(group, concept)) continue;
          const key = keyOf(concept);
          const [plain, told] = unsteered.map((way) => tally.groups.get(groupKey(key, way, null, null)));
          const own = valuesOf(tally.groups.get(groupKey(key, 'steered', id, point)), plain, told);
          for (const [name, value] of Object.entries(own))
            if (value !== null) {
              const list = values.get(name) ?? [];
              list.push(value);
              values.set(name, list);
            }
        }
        if (values.size === 0) return [];
        const means = [...values].map(([name, list]) => [
          name,
          bootstrapMean(list, run.options.seed, drawsOfCurves),
        ]);
        return [{ variant: id, class: group, point, means: Object.fromEntries(means) }];
      }),
    ),
  );
}
