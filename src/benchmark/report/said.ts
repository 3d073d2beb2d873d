/** What every form of a report says of its figures. */
import { allClasses, builtIn } from '../summary.js';
import type { Beside, ConceptRow, Group, ReportData } from './data.js';

const number = (value: number): string => value.toFixed(2);

export const judgeWords = (judge: string): string => (judge === builtIn ? 'the model itself' : judge);

/** What figures of a whole run are of: all classes together, or the only one. */
export const wholeOf = (classes: readonly string[]): string =>
  classes.length > 1 ? allClasses : (classes[0] ?? allClasses);

/** The classes that a table has, the whole first. */
export const shownClasses = (classes: readonly string[]): readonly string[] =>
  classes.length > 1 ? [allClasses, ...classes] : classes;

/** Whether a table has a difference: differences.csv has every measure. */
export const isTold = ({ measure }: Beside): boolean => measure === 'success' || measure === 'harmonic';

/** The first sentences: what was run, and what came of it. */
export function leadOf(data: ReportData): string {
  const { run, counts } = data;
  const [judge = builtIn] = data.judges;
  const whole = data.groups.filter((group) => group.judge === judge && group.class === wholeOf(data.classes));
  const steered = whole.filter(
    ({ variant, fixed }) => variant !== 'plain' && variant !== 'told' && fixed !== null,
  );
  const best = steered.reduce<Group | null>(
    (most, group) => (most === null || (group.fixed?.mean ?? 0) > (most.fixed?.mean ?? 0) ? group : most),
    null,
  );
  const told = whole.find(({ variant }) => variant === 'told')?.fixed;
  const plain = whole.find(({ variant }) => variant === 'plain')?.fixed;
  const name = steered.length > 1 ? `the best of them, ${best?.variant},` : `${best?.variant}`;
  const said = best?.fixed
    ? ` At the fixed strength 1 ${name} succeeds in ${number(best.fixed.mean)} of answers (95 % interval ${number(best.fixed.low)} to ${number(best.fixed.high)})${told ? `; the model simply told in ${number(told.mean)}` : ''}${plain ? `, unsteered in ${number(plain.mean)}` : ''}.`
    : '';
  const counted = (count: number, one: string, several: string) => `${count} ${count === 1 ? one : several}`;
  return `${counted(run.concepts.length, 'concept', 'concepts')} in ${counted(data.classes.length, 'class', 'classes')}, ${counted(run.variants.length, 'way to make its vectors', 'ways to make their vectors')}, ${counts.answers} answers, ${counts.failed} of ${counts.fits} fits failed.${said}`;
}

/** Concepts of which no way at any point makes more answers succeed than there are without steering, by the first judge. */
export function unreachedIn(data: ReportData): {
  /** One of each concept. */
  readonly rows: readonly ConceptRow[];
  /** Concepts in all. */
  readonly of: number;
  /** Of the rows, those that show when the model is told. */
  readonly told: number;
} {
  const [judge] = data.judges;
  const byConcept = new Map<string, ConceptRow[]>();
  for (const row of data.concepts) {
    if (row.judge !== judge) continue;
    const key = `${row.class}/${row.concept}`;
    const ways = byConcept.get(key);
    if (ways === undefined) byConcept.set(key, [row]);
    else ways.push(row);
  }
  const rows = [...byConcept.values()].flatMap((ways) => {
    const measured = ways.filter(({ oracle }) => oracle !== null);
    const reached = measured.some(({ oracle, plain }) => (oracle ?? 0) > (plain ?? 0));
    const [first] = measured;
    return first === undefined || reached ? [] : [first];
  });
  return { rows, of: byConcept.size, told: rows.filter((row) => (row.told ?? 0) > (row.plain ?? 0)).length };
}
