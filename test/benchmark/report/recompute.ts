/**
 * Recomputes what a report says from the lines of records.jsonl alone, with none of the product's code, and says what differs. By hand:
 * `node dist/test/benchmark/report/recompute.js DIR`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

interface Line {
  readonly kind: 'fit' | 'answer' | 'judgement';
  readonly cell: number;
  readonly concept: string;
  readonly class: string;
  readonly way: 'plain' | 'told' | 'steered';
  readonly variant: string | null;
  readonly point: { readonly scale: string; readonly value: number } | null;
  readonly success: boolean;
  readonly judge: string;
  readonly score_name: string;
  readonly score: number | null;
  readonly reading: { readonly explained_by: { readonly class: string } | null };
  readonly layers: readonly {
    readonly layer: number;
    readonly token: number | null;
    readonly auroc: number | null;
  }[];
  readonly error: string | null;
}

interface Estimate {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

export interface Reported {
  readonly counts: {
    readonly fits: number;
    readonly failed: number;
    readonly answers: number;
    readonly judgements: number;
  };
  readonly groups: readonly {
    readonly judge: string;
    readonly variant: string;
    readonly class: string;
    readonly concepts: number;
    readonly fixed: Estimate | null;
    readonly oracle: Estimate | null;
    readonly harmonic: Estimate | null;
  }[];
  readonly beside: readonly {
    readonly judge: string;
    readonly measure: string;
    readonly base: string;
    readonly variant: string;
    readonly class: string;
    readonly at: 'fixed' | 'oracle';
    readonly difference: Estimate & { readonly n: number };
  }[];
  readonly curves: readonly {
    readonly variant: string;
    readonly class: string;
    readonly point: { readonly scale: string; readonly value: number };
    readonly success: Readonly<Record<string, number | null>>;
  }[];
  readonly confusion: readonly {
    readonly variant: string;
    readonly asked: string;
    readonly explained: string;
    readonly answers: number;
  }[];
  readonly layers: readonly {
    readonly variant: string;
    readonly layer: number;
    readonly auroc: Estimate | null;
    readonly tokens: Readonly<Record<string, number>>;
  }[];
}

const average = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
const same = (a: number | null, b: number | null) =>
  a === null || b === null ? a === b : Math.abs(a - b) < 6e-5;

/** Sentences; none where all is as reported. */
export function differences(lines: readonly Line[], reported: Reported): string[] {
  const found: string[] = [];
  const expect = (what: string, is: number | null, told: number | null) => {
    if (!same(is, told)) found.push(`${what} is ${is}, and the report says ${told}`);
  };
  const answers = lines.filter(({ kind }) => kind === 'answer');
  const judgements = lines.filter(({ kind }) => kind === 'judgement');
  const fits = lines.filter(({ kind }) => kind === 'fit');
  expect('the number of answers', answers.length, reported.counts.answers);
  expect('the number of judgements', judgements.length, reported.counts.judgements);
  expect('the number of fits', fits.length, reported.counts.fits);
  expect(
    'the number of failed fits',
    fits.filter(({ error }) => error !== null).length,
    reported.counts.failed,
  );

  /** Each answer's success by one judge. */
  const judged = (judge: string): (Line & { readonly value: number })[] =>
    judge === 'built-in'
      ? answers.map((line) => ({ ...line, value: line.success ? 1 : 0 }))
      : judgements.flatMap((line) =>
          line.judge === judge && line.score_name === 'success' && line.score !== null
            ? [{ ...line, value: line.score }]
            : [],
        );
  /** The lines of each concept. */
  const byConcept = <T extends Line>(list: readonly T[]): Map<string, T[]> => {
    const found = new Map<string, T[]>();
    for (const line of list) {
      const key = JSON.stringify([line.class, line.concept]);
      const own = found.get(key);
      if (own === undefined) found.set(key, [line]);
      else own.push(line);
    }
    return found;
  };
  /** The best of the means at each point. */
  const best = (list: readonly (Line & { value: number })[]): number => {
    const points = new Map<string, number[]>();
    for (const { point, value } of list) {
      const key = JSON.stringify(point);
      points.set(key, [...(points.get(key) ?? []), value]);
    }
    return Math.max(...[...points.values()].map(average));
  };
  const means = (list: readonly (Line & { value: number })[]) =>
    [...byConcept(list).values()].map((own) => average(own.map(({ value }) => value)));
  const ofClass = <T extends Line>(list: readonly T[], name: string) =>
    name === 'all' ? list : list.filter((line) => line.class === name);

  for (const group of reported.groups) {
    const label = `${group.variant} in ${group.class} by ${group.judge}`;
    const all = ofClass(judged(group.judge), group.class);
    const plain = group.variant === 'plain' || group.variant === 'told';
    const own = all.filter((line) =>
      plain ? line.way === group.variant : line.way === 'steered' && line.variant === group.variant,
    );
    const fixed = plain ? own : own.filter(({ point }) => point?.scale === 'strength' && point.value === 1);
    const values = means(fixed);
    expect(`success of ${label}`, values.length === 0 ? null : average(values), group.fixed?.mean ?? null);
    expect(`concepts of ${label}`, values.length, group.concepts);
    if (
      group.fixed !== null &&
      !(group.fixed.low <= group.fixed.mean && group.fixed.mean <= group.fixed.high)
    )
      found.push(`the interval of ${label} is not around its mean`);
    if (!plain) {
      const oracle = [...byConcept(own).values()].map(best);
      expect(
        `the oracle's success of ${label}`,
        oracle.length === 0 ? null : average(oracle),
        group.oracle?.mean ?? null,
      );
    }
    expect(
      `three marks of ${label}`,
      threeMarks(ofClass(judgements, group.class), group),
      group.harmonic?.mean ?? null,
    );
  }
  for (const row of reported.beside) {
    if (row.measure !== 'success') continue;
    const all = ofClass(judged(row.judge), row.class).filter(({ way }) => way === 'steered');
    const fixed = ({ point }: Line) => point?.scale === 'strength' && point.value === 1;
    /** By concept: at strength 1, or where it succeeds most. */
    const values = (variant: string) => {
      const own = all.filter((line) => line.variant === variant && (row.at === 'oracle' || fixed(line)));
      return new Map([...byConcept(own)].map(([key, lines]) => [key, best(lines)]));
    };
    const [base, other] = [values(row.base), values(row.variant)];
    const pairs = [...base].flatMap(([key, value]) => {
      const match = other.get(key);
      return match === undefined ? [] : [match - value];
    });
    const label = `${row.variant} less ${row.base} in ${row.class} by ${row.judge} (${row.at})`;
    expect(label, average(pairs), row.difference.mean);
    expect(`pairs of ${label}`, pairs.length, row.difference.n);
  }
  for (const curve of reported.curves) {
    for (const [judge, told] of Object.entries(curve.success)) {
      const values = means(
        ofClass(judged(judge), curve.class).filter(
          ({ variant, point }) =>
            variant === curve.variant &&
            point?.scale === curve.point.scale &&
            point.value === curve.point.value,
        ),
      );
      expect(
        `success of ${curve.variant} in ${curve.class} at ${curve.point.value}`,
        values.length === 0 ? null : average(values),
        told,
      );
    }
  }
  const explained = answers.filter(({ reading }) => reading.explained_by !== null);
  expect(
    'answers with an explanation',
    explained.length,
    reported.confusion.reduce((sum, row) => sum + row.answers, 0),
  );
  for (const row of reported.confusion) {
    const count = explained.filter(
      (line) =>
        (line.way === 'told' ? 'told' : line.variant) === row.variant &&
        line.class === row.asked &&
        line.reading.explained_by?.class === row.explained,
    ).length;
    expect(`answers of ${row.asked} taken for ${row.explained} by ${row.variant}`, count, row.answers);
  }
  for (const row of reported.layers) {
    const rows = fits
      .filter(({ variant }) => variant === row.variant)
      .flatMap(({ layers }) => layers.filter(({ layer }) => layer === row.layer));
    const sorted = rows.flatMap(({ auroc }) => (auroc === null ? [] : [auroc])).sort((a, b) => a - b);
    const middle =
      sorted.length === 0
        ? null
        : ((sorted[Math.floor((sorted.length - 1) / 2)] as number) +
            (sorted[Math.ceil((sorted.length - 1) / 2)] as number)) /
          2;
    expect(`AUROC of layer ${row.layer} of ${row.variant}`, middle, row.auroc?.mean ?? null);
    for (const [token, count] of Object.entries(row.tokens))
      expect(
        `token ${token} at layer ${row.layer} of ${row.variant}`,
        rows.filter((one) => String(one.token) === token).length,
        count,
      );
  }
  return found;
}

/** Mean over concepts of the mean over their answers at strength 1 of the harmonic mean of three marks. */
function threeMarks(judgements: readonly Line[], group: { judge: string; variant: string }): number | null {
  const own = judgements.filter(
    (line) =>
      line.judge === group.judge &&
      line.score_name !== 'success' &&
      line.score !== null &&
      (line.way === 'steered'
        ? line.variant === group.variant && line.point?.scale === 'strength' && line.point.value === 1
        : line.way === group.variant),
  );
  const byCell = new Map<number, Line[]>();
  for (const line of own) byCell.set(line.cell, [...(byCell.get(line.cell) ?? []), line]);
  const byConcept = new Map<string, number[]>();
  for (const marks of byCell.values()) {
    if (marks.length !== 3) continue;
    const [a = 0, b = 0, c = 0] = marks.map(({ score }) => score ?? 0);
    const value = a === 0 || b === 0 || c === 0 ? 0 : 3 / (1 / a + 1 / b + 1 / c);
    const key = JSON.stringify([marks[0]?.class, marks[0]?.concept]);
    byConcept.set(key, [...(byConcept.get(key) ?? []), value]);
  }
  return byConcept.size === 0 ? null : average([...byConcept.values()].map(average));
}

/** @param folder of a run whose report has been written */
export function recompute(folder: string): string[] {
  const lines = readFileSync(join(folder, 'records.jsonl'), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
  return differences(lines, JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Reported);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const found = recompute(process.argv[2] ?? '.');
  for (const line of found) process.stdout.write(`${line}\n`);
  process.stdout.write(
    found.length === 0 ? 'Every figure comes out of the records.\n' : `${found.length} figures differ.\n`,
  );
  process.exitCode = found.length === 0 ? 0 : 1;
}
