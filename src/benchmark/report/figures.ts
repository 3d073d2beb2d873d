/** The figures of a report as SVG text, from its numbers. */
import * as Plot from '@observablehq/plot';
import { besideFigure } from './beside-figure.js';
import type { ReportData, Spread } from './data.js';
import {
  at,
  colours,
  dashes,
  drawn,
  type Figure,
  ink,
  margin,
  quiet,
  short,
  waysOf,
  width,
} from './drawing.js';
import { aurocFigure, tokenFigure } from './fit-figures.js';
import { judgeWords, wholeOf } from './said.js';

export function figuresOf(data: ReportData): Figure[] {
  return [
    ...data.judges.map((judge) => successFigure(data, judge)),
    besideFigure(data),
    ...strengthFigures(data),
    tokenFigure(data),
    aurocFigure(data),
    ...confusionFigures(data),
    sideEffectFigure(data),
  ].filter((figure) => figure !== null);
}

function successFigure(data: ReportData, judge: string): Figure | null {
  const ways = waysOf(data);
  const rows = data.groups
    .filter((group) => group.judge === judge && group.fixed !== null)
    .flatMap(({ variant, class: className, fixed, oracle }) => [
      { variant, className, kind: 'fixed', ...(fixed as Spread) },
      ...(oracle === null ? [] : [{ variant, className, kind: 'oracle', ...oracle }]),
    ]);
  if (rows.length === 0) return null;
  const fixed = rows.filter(({ kind }) => kind === 'fixed');
  const oracle = rows.filter(({ kind }) => kind === 'oracle');
  const classes = [...new Set(rows.map(({ className }) => className))];
  return {
    id: `success-${judge}`,
    title: `Success by class and method, judged by ${judgeWords(judge)}`,
    caption:
      'Mean over the concepts, with a 95 % interval from resampling them. Filled: strength 1, fixed before any answer was judged. Hollow: the best of all measured points for each concept, chosen by the same judge on the same answers, which is an oracle’s choice and no interval can correct.',
    svg: drawn(`Success by class and method, judged by ${judge}`, {
      width,
      height: Math.max(160, 60 + classes.length * (18 * ways.length + 14)),
      marginLeft: margin(ways),
      marginRight: margin(classes),
      x: { domain: [0, 1], label: 'share of answers that succeed', grid: true, percent: false },
      y: { domain: ways, label: null, tickFormat: short },
      fy: { domain: classes, label: null },
      color: colours(data, ways),
      marks: [
        Plot.ruleY(fixed, {
          fy: 'className',
          y: 'variant',
          x1: 'low',
          x2: 'high',
          stroke: 'variant',
          strokeWidth: 2,
        }),
        Plot.dot(fixed, { fy: 'className', y: 'variant', x: 'mean', fill: 'variant', r: 4 }),
        Plot.dot(oracle, {
          fy: 'className',
          y: 'variant',
          x: 'mean',
          stroke: 'variant',
          fill: '#fff',
          strokeWidth: 2,
          r: 4,
        }),
        Plot.frame({ stroke: '#dde3ea' }),
      ],
    }),
  };
}

const measures = [
  { key: 'success', name: 'success' },
  { key: 'concept', name: 'C, the concept' },
  { key: 'fluency', name: 'F, fluency' },
  { key: 'instruction', name: 'I, the instruction' },
  { key: 'harmonic', name: 'H, all three' },
] as const;

/** One for calibrated strengths and one for the paper's coefficients, where they were measured. */
function strengthFigures(data: ReportData): (Figure | null)[] {
  const className = wholeOf(data.classes);
  const judge = data.judges[0] as string;
  const names = data.run.variants.map(({ id }) => id);
  return (['strength', 'coefficient'] as const).map((scale): Figure | null => {
    const rows = data.curves
      .filter((curve) => curve.class === className && curve.point.scale === scale)
      .flatMap((curve) =>
        measures.flatMap(({ key, name }) => {
          const value = key === 'success' ? (curve.success[judge] ?? null) : curve[key];
          return value === null
            ? []
            : [{ variant: curve.variant, measure: name, at: curve.point.value, value }];
        }),
      );
    if (new Set(rows.map((row) => row.at)).size < 2) return null;
    const what =
      scale === 'strength' ? 'strength (1 is what the calibration found)' : 'coefficient on unit vectors';
    return {
      id: `strength-${scale}`,
      title:
        scale === 'strength'
          ? 'Strength against success and fluency'
          : 'Coefficient against success and fluency',
      caption:
        'Means over the concepts. C is how much of the concept shows as a share of what told answers show, F how fluent answers stay, I whether they still answer the question, H their harmonic mean, all as the unsteered model reads them.',
      svg: drawn(`Success, concept, fluency and instruction by ${scale}`, {
        width,
        height: 250,
        marginBottom: 40,
        marginTop: 34,
        x: { label: what, ticks: 5 },
        y: { domain: [0, 1], label: null, grid: true },
        fx: { domain: measures.map(({ name }) => name), label: null },
        color: { ...colours(data, names), legend: false },
        marks: [
          Plot.frame({ stroke: '#dde3ea' }),
          ...names.map((name, i) =>
            Plot.line(
              rows.filter(({ variant }) => variant === name),
              {
                fx: 'measure',
                x: 'at',
                y: 'value',
                stroke: 'variant',
                strokeWidth: 2,
                ...(at(dashes, i) === '' ? {} : { strokeDasharray: at(dashes, i) }),
              },
            ),
          ),
          Plot.dot(rows, { fx: 'measure', x: 'at', y: 'value', fill: 'variant', r: 2.5 }),
          ...(scale === 'strength' ? [Plot.ruleX([1], { stroke: quiet, strokeDasharray: '2 3' })] : []),
        ],
      }),
    };
  });
}

function confusionFigures(data: ReportData): (Figure | null)[] {
  const ways = ['told', ...data.run.variants.map(({ id }) => id)].filter((way) =>
    data.confusion.some(({ variant }) => variant === way),
  );
  if (ways.length === 0 || data.classes.length < 2) return [];
  const rows = ways.flatMap((way) =>
    data.classes.flatMap((asked) => {
      const own = data.confusion.filter((row) => row.variant === way && row.asked === asked);
      const all = own.reduce((sum, { answers }) => sum + answers, 0);
      return data.classes.map((explained) => ({
        ...{ way, asked, explained },
        share: all === 0 ? 0 : (own.find((row) => row.explained === explained)?.answers ?? 0) / all,
      }));
    }),
  );
  const cell = 46;
  return [
    {
      id: 'confusion',
      title: 'What answers are taken for',
      caption: `Rows: the class of the concept that an answer was steered by, or told, at strength 1. Columns: the class of the concept whose message explains the answer best, among its own and ${data.run.texts.confusers.length} of the run’s. Shares of a row.`,
      svg: drawn('Classes that answers are taken for, as shares', {
        width: Math.min(1600, margin(data.classes) + 40 + ways.length * (cell * data.classes.length + 20)),
        height: 110 + cell * data.classes.length,
        marginLeft: margin(data.classes),
        marginBottom: 74,
        marginTop: 34,
        x: { domain: [...data.classes], label: null, tickRotate: -40 },
        y: { domain: [...data.classes], label: null },
        fx: { domain: ways, label: null, tickFormat: short },
        color: { type: 'linear', domain: [0, 1], range: ['#f4f7fa', '#0b4f7d'], legend: false },
        marks: [
          Plot.cell(rows, { fx: 'way', x: 'explained', y: 'asked', fill: 'share', inset: 0.5 }),
          Plot.text(rows, {
            ...{ fx: 'way', x: 'explained', y: 'asked' },
            text: ({ share }: { share: number }) => share.toFixed(2),
            fill: ({ share }: { share: number }) => (share > 0.5 ? '#fff' : ink),
          }),
        ],
      }),
    },
  ];
}

function sideEffectFigure(data: ReportData): Figure | null {
  const kinds = [
    { key: 'facts', name: 'facts still right' },
    { key: 'json', name: 'valid JSON' },
  ] as const;
  const rows = data.side_effects.flatMap((row) =>
    kinds.flatMap(({ key, name }) => {
      const value = row[key];
      return value === null ? [] : [{ variant: row.variant, strength: row.strength, kind: name, value }];
    }),
  );
  if (rows.length === 0) return null;
  const names = data.run.variants.map(({ id }) => id);
  return {
    id: 'side-effects',
    title: 'What steering costs elsewhere',
    caption:
      'Mean over the fits: simple questions of fact that the model answers right and still does, and JSON that parses, at half of strength 1, at 1 and at the largest strength that keeps text fluent.',
    svg: drawn('Facts still right and valid JSON by strength', {
      width,
      height: 240,
      marginTop: 34,
      x: { domain: ['unsteered', '0.5', '1', 'largest'], label: 'strength', type: 'point' },
      y: { domain: [0, 1], label: null, grid: true },
      fx: { domain: kinds.map(({ name }) => name), label: null },
      color: colours(data, names),
      marks: [
        Plot.frame({ stroke: '#dde3ea' }),
        ...names.map((name, i) =>
          Plot.line(
            rows.filter(({ variant }) => variant === name),
            {
              fx: 'kind',
              x: 'strength',
              y: 'value',
              stroke: 'variant',
              strokeWidth: 2,
              ...(at(dashes, i) === '' ? {} : { strokeDasharray: at(dashes, i) }),
            },
          ),
        ),
        Plot.dot(rows, { fx: 'kind', x: 'strength', y: 'value', fill: 'variant', r: 3 }),
      ],
    }),
  };
}

/** The colours and dashes of the lines, for a legend in the page's own text. */
export function legendOf(
  data: ReportData,
): readonly { readonly name: string; readonly colour: string; readonly dash: string }[] {
  const names = data.run.variants.map(({ id }) => id);
  const { range } = colours(data, names);
  return names.map((name, i) => ({ name, colour: range[i] as string, dash: at(dashes, i) }));
}
