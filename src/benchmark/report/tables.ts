/** The numbers of a report as CSV files, for whoever draws figures of their own. */
import Papa from 'papaparse';
import type { ReportData, Spread } from './data.js';

type Value = string | number | boolean | null;
type Row = Readonly<Record<string, Value>>;

/** Names of files with their contents; RFC 4180, with headings. */
export function tablesOf(data: ReportData): Readonly<Record<string, string>> {
  return {
    'success.csv': csv(
      data.groups.map(({ judge, variant, class: className, concepts, fixed, oracle, harmonic }) => ({
        ...{ judge, variant, class: className, concepts },
        ...estimate('fixed', fixed),
        ...estimate('oracle', oracle),
        ...estimate('judge_harmonic', harmonic),
      })),
    ),
    ...(data.beside.length > 0 && {
      'differences.csv': csv(
        data.beside.map(({ difference, ...row }) => ({
          ...row,
          concepts: difference.n,
          ...estimate('difference', difference),
        })),
      ),
    }),
    'strengths.csv': csv(
      data.curves.map(({ variant, class: className, point, concepts, success, ...scores }) => ({
        ...{ variant, class: className, scale: point.scale, value: point.value, concepts },
        ...Object.fromEntries(data.judges.map((judge) => [`success ${judge}`, success[judge] ?? null])),
        ...scores,
      })),
    ),
    'concepts.csv': csv(
      data.concepts.map(({ best, ...row }) => ({
        ...row,
        best_scale: best?.scale ?? null,
        best_value: best?.value ?? null,
      })),
    ),
    'layers.csv': csv(
      data.layers.map(({ auroc, tokens, ...row }) => ({
        ...row,
        auroc_median: auroc?.mean ?? null,
        auroc_low: auroc?.low ?? null,
        auroc_high: auroc?.high ?? null,
        tokens: JSON.stringify(tokens),
      })),
    ),
    'confusion.csv': csv(data.confusion.map((row) => ({ ...row }))),
    'side-effects.csv': csv(data.side_effects.map((row) => ({ ...row }))),
  };
}

const estimate = (name: string, value: Spread | null): Row => ({
  [name]: value?.mean ?? null,
  [`${name}_low`]: value?.low ?? null,
  [`${name}_high`]: value?.high ?? null,
});

/** What a table program would take for a formula is told as a text. */
export const csv = (rows: readonly Row[]): string =>
  rows.length === 0
    ? ''
    : `${Papa.unparse([...rows], { newline: '\n', escapeFormulae: /^[=+@\t\r]|^-(?!\d)/ })}\n`;
