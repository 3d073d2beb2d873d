/** From the records of a run to the numbers of its report: those of the summary, and what else it draws. */
import { besideFirst, changed } from '../compare.js';
import type { BenchRecord, FitRecord, Run, Variant } from '../records.js';
import { type ConceptFigure, type Measure, type Summary, summaryOf } from '../summary.js';
import { Tally } from '../tally.js';
import type { Beside, ConceptRow, CurvePoint, Group, LayerRow, ReportData, SideEffect } from './data.js';
import { Details } from './details.js';
import { mean, quartiles } from './quartiles.js';
import { shownClasses } from './said.js';

export async function collectReport(
  run: Run,
  records: AsyncIterable<BenchRecord> | Iterable<BenchRecord>,
): Promise<ReportData> {
  const tally = new Tally();
  const details = new Details(run);
  for await (const record of records) {
    tally.add(record);
    details.add(record);
  }
  const summary = summaryOf(run, tally);
  const classes = [...new Set(run.concepts.map((concept) => concept.class))].sort();
  const shown = shownClasses(classes);
  const variants = run.variants.map(({ id }) => id);
  const { fits } = details;
  const use = Object.values(summary.judge_use);
  return {
    object: 'benchmark.report',
    format: 1,
    run,
    judges: summary.judges,
    classes,
    counts: details.counts,
    seconds: details.seconds,
    judge_tokens: use.reduce((sum, one) => sum + one.prompt_tokens + one.completion_tokens, 0),
    groups: groupsOf(summary, shown, ['plain', 'told', ...variants]),
    beside: besideOf(summary, shown, run),
    curves: curvesOf(summary, shown),
    layers: variants.flatMap((variant) => layersOf(fits, variant)),
    confusion: details.confusion,
    side_effects: variants.flatMap((variant) => sideEffectsOf(fits, variant)),
    concepts: conceptRows(summary, variants, run, details),
    examples: {
      good: details.examples('good'),
      bad: details.examples('bad'),
      drawn: details.examples('drawn'),
    },
  };
}

const known = (values: readonly (number | null)[]): number[] => values.filter((value) => value !== null);

function groupsOf(
  { judges, figures }: Summary,
  classes: readonly string[],
  ways: readonly string[],
): Group[] {
  return judges.flatMap((judge) =>
    classes.flatMap((className) =>
      ways.map((variant): Group => {
        const of = (measure: Measure) =>
          figures.find(
            (one) =>
              one.judge === judge &&
              one.measure === measure &&
              one.variant === variant &&
              one.class === className,
          );
        const success = of('success');
        return {
          judge,
          variant,
          class: className,
          concepts: success?.fixed?.n ?? 0,
          fixed: success?.fixed ?? null,
          oracle: success?.oracle ?? null,
          // The model's own H is on the curves.
          harmonic: judge === judges[0] ? null : (of('harmonic')?.fixed ?? null),
        };
      }),
    ),
  );
}

function besideOf(summary: Summary, classes: readonly string[], { variants, options }: Run): Beside[] {
  const byId = new Map(variants.map((variant) => [variant.id, variant]));
  return besideFirst(summary, variants, options.seed)
    .filter((one) => classes.includes(one.class))
    .map(({ figure, variant: base, other, class: className, which, a, b, difference }): Beside => {
      // A judge's name may have spaces; a measure has none.
      const space = figure.lastIndexOf(' ');
      return {
        judge: figure.slice(0, space),
        measure: figure.slice(space + 1) as Measure,
        ...{ base, variant: other, class: className, at: which, base_mean: a, variant_mean: b, difference },
        changed: changed(byId.get(base) as Variant, byId.get(other) as Variant),
      };
    });
}

function curvesOf({ judges, points }: Summary, classes: readonly string[]): CurvePoint[] {
  return points
    .filter((one) => classes.includes(one.class))
    .map(({ variant, class: className, point, means }): CurvePoint => {
      const of = (judge: string, measure: Measure) => means[`${judge} ${measure}`]?.mean ?? null;
      const [own = ''] = judges;
      return {
        ...{ variant, class: className, point },
        concepts: means[`${own} success`]?.n ?? 0,
        success: Object.fromEntries(judges.map((judge) => [judge, of(judge, 'success')])),
        concept: of(own, 'concept'),
        fluency: of(own, 'fluency'),
        instruction: of(own, 'instruction'),
        harmonic: of(own, 'harmonic'),
      };
    });
}

function layersOf(fits: readonly FitRecord[], variant: string): LayerRow[] {
  const fitted = fits.filter((fit) => fit.variant === variant).flatMap(({ layers }) => layers);
  const numbers = [...new Set(fitted.map(({ layer }) => layer))].sort((a, b) => a - b);
  return numbers.map((layer) => {
    const rows = fitted.filter((row) => row.layer === layer);
    const tokens: Record<string, number> = {};
    for (const { token } of rows) if (token !== null) tokens[token] = (tokens[token] ?? 0) + 1;
    return {
      variant,
      layer,
      fits: rows.length,
      auroc: quartiles(known(rows.map(({ auroc }) => auroc))),
      coefficient: mean(known(rows.map(({ coefficient }) => coefficient))),
      tokens,
    };
  });
}

function sideEffectsOf(fits: readonly FitRecord[], variant: string): SideEffect[] {
  const measured = fits
    .filter((fit) => fit.variant === variant)
    .flatMap(({ side_effects }) => side_effects ?? []);
  if (measured.length === 0) return [];
  const row = (
    strength: string,
    rows: readonly { facts: number | null; json: number | null; neutral: number | null }[],
  ): SideEffect => ({
    variant,
    strength,
    fits: rows.length,
    facts: mean(known(rows.map(({ facts }) => facts))),
    json: mean(known(rows.map(({ json }) => json))),
    neutral: mean(known(rows.map(({ neutral }) => neutral))),
  });
  const steered = (at: (strengths: readonly number[]) => number) =>
    measured.flatMap(({ strengths }) => {
      const wanted = at(strengths.map(({ strength }) => strength));
      return strengths
        .filter(({ strength }) => strength === wanted)
        .map(({ facts_still_right, valid_json, neutral_log_probability_change }) => ({
          facts: facts_still_right.share,
          json: valid_json.share,
          neutral: neutral_log_probability_change,
        }));
    });
  return [
    row(
      'unsteered',
      measured.map(({ unsteered: { facts_right, valid_json } }) => ({
        facts: facts_right.share,
        json: valid_json.share,
        neutral: 0,
      })),
    ),
    row(
      '0.5',
      steered(() => 0.5),
    ),
    row(
      '1',
      steered(() => 1),
    ),
    row(
      'largest',
      steered((strengths) => Math.max(...strengths)),
    ),
  ];
}

function conceptRows(
  { judges, concepts }: Summary,
  variants: readonly string[],
  run: Run,
  details: Details,
): ConceptRow[] {
  const key = (one: { concept: string; class: string; variant: string }) =>
    JSON.stringify([one.class, one.concept, one.variant]);
  const figures = new Map<string, ConceptFigure>(concepts.map((one) => [key(one), one]));
  return judges.flatMap((judge) =>
    variants.flatMap((variant) =>
      run.concepts.map((concept): ConceptRow => {
        const about = { concept: concept.name, class: concept.class };
        const of = (way: string) => figures.get(key({ ...about, variant: way }))?.figures[`${judge} success`];
        const steered = of(variant);
        const fit = details.fitOf({ ...about, variant });
        return {
          ...about,
          variant,
          judge,
          plain: of('plain')?.fixed ?? null,
          told: of('told')?.fixed ?? null,
          fixed: steered?.fixed ?? null,
          oracle: steered?.oracle ?? null,
          best: steered?.best ?? null,
          share: fit?.calibration?.share ?? null,
          max_strength: fit?.calibration?.max_strength ?? null,
          weak: fit?.calibration?.weak ?? null,
          error: fit?.error ?? null,
        };
      }),
    ),
  );
}
