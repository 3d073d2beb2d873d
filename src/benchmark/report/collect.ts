/** From the records of a run to the numbers of its report. The order of the records tells nothing. */
import { harmonicMean, scoresOf } from '../../fitting/measure/steering-scores.js';
import type { BenchRecord, Point, Run } from '../records.js';
import {
  type ConceptRow,
  type Confusion,
  type CurvePoint,
  everyClass,
  type Group,
  type LayerRow,
  type ReportData,
  type SideEffect,
} from './data.js';
import { bootstrapMean, mean, quartiles } from './estimates.js';
import { type Cell, type ConceptTally, isFixed, keyOf, Tally } from './tally.js';

export async function collectReport(
  run: Run,
  records: AsyncIterable<BenchRecord> | Iterable<BenchRecord>,
): Promise<ReportData> {
  const tally = new Tally(run);
  for await (const record of records) tally.add(record);
  const concepts = [...tally.concepts.values()].sort(byName);
  const classes = [...new Set(concepts.map(({ className }) => className))].sort();
  const judges = [...tally.judges].sort((a, b) => order(a) - order(b) || (a < b ? -1 : 1));
  const some = (className: string) =>
    className === everyClass ? concepts : concepts.filter((concept) => concept.className === className);
  const shown = classes.length > 1 ? [everyClass, ...classes] : classes;
  const variants = run.variants.map(({ id }) => id);
  return {
    object: 'benchmark.report',
    format: 1,
    run,
    judges,
    classes,
    counts: tally.counts,
    seconds: rounded(tally.seconds),
    judge_tokens: tally.judgeTokens,
    groups: judges.flatMap((judge) =>
      shown.flatMap((className) => groupsOf(some(className), className, judge, variants)),
    ),
    curves: variants.flatMap((variant) =>
      shown.flatMap((className) =>
        run.points.map((point) => curvePoint(some(className), className, variant, point, judges)),
      ),
    ),
    layers: variants.flatMap((variant) => layersOf(concepts, variant)),
    confusion: [...tally.confusion]
      .map(([key, answers]): Confusion => {
        const [variant, asked, explained] = JSON.parse(key) as [string, string, string];
        return { variant, asked, explained, answers };
      })
      .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
    side_effects: variants.flatMap((variant) => sideEffectsOf(concepts, variant)),
    concepts: judges.flatMap((judge) =>
      variants.flatMap((variant) => concepts.map((concept) => conceptRow(concept, variant, judge))),
    ),
    examples: { good: tally.examples('good'), bad: tally.examples('bad') },
  };
}

/** The model's own judgement first. */
const order = (judge: string) => (judge === 'built-in' ? 0 : 1);
const byName = (a: ConceptTally, b: ConceptTally) =>
  a.className !== b.className ? (a.className < b.className ? -1 : 1) : a.name < b.name ? -1 : 1;
const rounded = (seconds: Tally['seconds']) => ({
  fits: Math.round(seconds.fits),
  answers: Math.round(seconds.answers),
  judging: Math.round(seconds.judging),
});
const known = (values: readonly (number | null)[]): number[] => values.filter((value) => value !== null);

/** Mean success by a judge; null where it judged none. */
const successOf = (cell: Cell | undefined, judge: string): number | null =>
  mean([...(cell?.success.get(judge)?.values() ?? [])]);

function cellAt(concept: ConceptTally, variant: string, point: Point): Cell | undefined {
  return concept.steered.get(variant)?.get(keyOf(point))?.cell;
}

const fixedCell = (concept: ConceptTally, variant: string): Cell | undefined =>
  [...(concept.steered.get(variant)?.values() ?? [])].find(({ point }) => isFixed(point))?.cell;

/** The best mean success over the steered points, and where: the weakest push of several that are alike. */
function oracleOf(
  concept: ConceptTally,
  variant: string,
  judge: string,
): { value: number; point: Point } | null {
  let best: { value: number; point: Point } | null = null;
  const points = [...(concept.steered.get(variant)?.values() ?? [])].sort((a, b) =>
    a.point.scale < b.point.scale ? 1 : a.point.scale > b.point.scale ? -1 : a.point.value - b.point.value,
  );
  for (const { point, cell } of points) {
    const value = successOf(cell, judge);
    if (value !== null && (best === null || value > best.value)) best = { value, point };
  }
  return best;
}

/** Mean over the answers that have all three marks of their harmonic mean. */
function harmonicOf(cell: Cell | undefined, judge: string): number | null {
  const marks = [...(cell?.marks.get(judge)?.values() ?? [])];
  return mean(
    marks.flatMap(({ concept, instruction, fluency }) =>
      concept === undefined || instruction === undefined || fluency === undefined
        ? []
        : [harmonicMean([concept, instruction, fluency])],
    ),
  );
}

function groupsOf(
  concepts: readonly ConceptTally[],
  className: string,
  judge: string,
  variants: readonly string[],
): Group[] {
  const group = (
    variant: string,
    cellOf: (concept: ConceptTally) => Cell | undefined,
    oracles: readonly (number | null)[] | null,
  ): Group => {
    const cells = concepts.map(cellOf);
    const fixed = known(cells.map((cell) => successOf(cell, judge)));
    return {
      judge,
      variant,
      class: className,
      concepts: fixed.length,
      answers: cells.reduce((sum, cell) => sum + (cell?.success.get(judge)?.size ?? 0), 0),
      fixed: bootstrapMean(fixed),
      oracle: oracles === null ? null : bootstrapMean(known(oracles)),
      harmonic: bootstrapMean(known(cells.map((cell) => harmonicOf(cell, judge)))),
    };
  };
  return [
    group('plain', ({ plain }) => plain, null),
    group('told', ({ told }) => told, null),
    ...variants.map((variant) =>
      group(
        variant,
        (concept) => fixedCell(concept, variant),
        concepts.map((concept) => oracleOf(concept, variant, judge)?.value ?? null),
      ),
    ),
  ];
}

function curvePoint(
  concepts: readonly ConceptTally[],
  className: string,
  variant: string,
  point: Point,
  judges: readonly string[],
): CurvePoint {
  const cells = concepts.flatMap((concept) => {
    const cell = cellAt(concept, variant, point);
    return cell === undefined ? [] : [{ concept, cell }];
  });
  const scores = cells
    .filter(({ cell }) => cell.readings.length > 0)
    .map(({ concept: { plain, told }, cell }) =>
      scoresOf(cell.readings, { plain: plain.readings, told: told.readings }),
    );
  return {
    variant,
    class: className,
    point,
    answers: cells.reduce((sum, { cell }) => sum + cell.readings.length, 0),
    success: Object.fromEntries(
      judges.map((judge) => [judge, mean(known(cells.map(({ cell }) => successOf(cell, judge))))]),
    ),
    concept: mean(known(scores.map(({ concept }) => concept))),
    fluency: mean(scores.map(({ fluency }) => fluency)),
    instruction: mean(scores.map(({ instruction }) => instruction)),
    harmonic: mean(scores.map(({ harmonic }) => harmonic)),
  };
}

function layersOf(concepts: readonly ConceptTally[], variant: string): LayerRow[] {
  const fitted = concepts.flatMap(({ fits }) => fits.get(variant)?.layers ?? []);
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

function sideEffectsOf(concepts: readonly ConceptTally[], variant: string): SideEffect[] {
  const measured = concepts.flatMap(({ fits }) => fits.get(variant)?.side_effects ?? []);
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

function conceptRow(concept: ConceptTally, variant: string, judge: string): ConceptRow {
  const fit = concept.fits.get(variant);
  const oracle = oracleOf(concept, variant, judge);
  return {
    concept: concept.name,
    class: concept.className,
    variant,
    judge,
    plain: successOf(concept.plain, judge),
    told: successOf(concept.told, judge),
    fixed: successOf(fixedCell(concept, variant), judge),
    oracle: oracle?.value ?? null,
    best: oracle?.point ?? null,
    share: fit?.calibration?.share ?? null,
    max_strength: fit?.calibration?.max_strength ?? null,
    weak: fit?.calibration?.weak ?? null,
    error: fit?.error ?? null,
  };
}
