/**
 * The plots of docs/fitting.md: what strength 1, the largest strength and `weak` mean, drawn from what calibrations stored.
 */
import * as Plot from '@observablehq/plot';
import { at, type Sigmoid } from '../../src/fitting/measure/sigmoid.js';
import { harmonicAt } from '../../src/fitting/measure/strength-curve.js';
import { svgOf } from './svg.js';

/** Of a concept's `calibration.details`. */
export interface MeasuredStrength {
  readonly share: number;
  readonly max_strength: number;
  readonly curve: readonly {
    readonly strength: number;
    readonly concept: number | null;
    readonly fluency: number;
    readonly instruction: number;
    readonly harmonic: number;
  }[];
  readonly smooth: {
    readonly concept: Sigmoid | null;
    readonly fluency: Sigmoid;
    readonly instruction: Sigmoid;
  };
}

export interface NamedStrength {
  readonly name: string;
  readonly measured: MeasuredStrength;
}

const ink = '#1c2733';
const quiet = '#8494a8';
const colours = { concept: '#b4531a', fluency: '#103e7d', instruction: '#3d7a4d', harmonic: ink } as const;
type Score = keyof typeof colours;
const labels: Readonly<Record<Score, string>> = {
  concept: 'C, the concept',
  fluency: 'F, fluency',
  instruction: 'I, the instruction',
  harmonic: 'H, all three',
};
const scores = Object.keys(labels) as Score[];
const size = { width: 680, height: 320, marginRight: 120, marginTop: 30, marginBottom: 36 };

/** Of one score on its smooth curve; strength in units of strength 1. */
function valueAt({ smooth, share }: MeasuredStrength, score: Score, strength: number): number {
  if (score === 'harmonic') return harmonicAt(smooth, strength * share);
  const curve = smooth[score];
  return curve === null ? 0 : Math.min(1, at(curve, strength * share));
}

const strengthsTo = (most: number) => Array.from({ length: 101 }, (_, i) => (most * i) / 100);

function line(measured: MeasuredStrength, score: Score, most: number) {
  return strengthsTo(most).map((strength) => ({ strength, value: valueAt(measured, score, strength) }));
}

/** One concept's scores over the strength, measured and smoothed, with strength 1 and the largest marked. */
export function strengthOnePlot({ name, measured }: NamedStrength): string {
  const most = Math.max(1.6, measured.max_strength * 1.1);
  const ends = scores.map((score) => ({ score, value: valueAt(measured, score, most) }));
  const apart = spread(ends.map(({ value }) => value));
  return svgOf(`Scores of ${name} over the strength`, {
    ...size,
    x: { label: 'strength', domain: [0, most] },
    y: { label: 'score', domain: [0, 1], grid: true },
    marks: [
      ...scores.map((score) =>
        Plot.line(line(measured, score, most), {
          x: 'strength',
          y: 'value',
          stroke: colours[score],
          strokeWidth: score === 'harmonic' ? 3 : 1.5,
        }),
      ),
      ...scores.map((score) =>
        Plot.dot(
          measured.curve.filter(({ strength }) => strength <= most),
          { x: 'strength', y: score, fill: colours[score], r: 3 },
        ),
      ),
      mark(1, 'strength 1', 'end'),
      mark(measured.max_strength, 'max', 'start'),
      ...ends.map(({ score }, i) =>
        Plot.text([{ x: most, y: apart[i] as number }], {
          x: 'x',
          y: 'y',
          text: [labels[score]],
          textAnchor: 'start',
          dx: 6,
          fill: colours[score],
          fontSize: 12,
        }),
      ),
    ].flat(),
  });
}

/** How fluency falls beyond strength 1, for every concept, and where the largest strength lies. */
export function largestStrengthPlot(all: readonly NamedStrength[]): string {
  const most = 2;
  return svgOf('Fluency over the strength, and the largest strength of every concept', {
    ...size,
    x: { label: 'strength', domain: [0, most] },
    y: { label: 'F, fluency', domain: [0, 1], grid: true },
    marks: [
      ...all.map(({ measured }) =>
        Plot.line(line(measured, 'fluency', most), { x: 'strength', y: 'value', stroke: quiet }),
      ),
      Plot.ruleY([0.5], { stroke: colours.concept, strokeDasharray: '4 3' }),
      Plot.text([{ x: most, y: 0.5 }], {
        x: 'x',
        y: 'y',
        text: ['F = 0.5'],
        textAnchor: 'start',
        dx: 6,
        fill: colours.concept,
        fontSize: 12,
      }),
      ...mark(1, 'strength 1'),
      Plot.dot(
        all.map(({ measured }) => ({
          strength: Math.min(most, measured.max_strength),
          value: valueAt(measured, 'fluency', measured.max_strength),
        })),
        { x: 'strength', y: 'value', fill: colours.fluency, r: 4 },
      ),
    ],
  });
}

/** How much of the concept shows over the strength: the concepts that ship, and one that is weak. */
export function weakPlot(all: readonly NamedStrength[], weak: NamedStrength): string {
  const most = 1.5;
  return svgOf(`How much of a concept shows over the strength: those that ship, and ${weak.name}`, {
    ...size,
    x: { label: 'strength', domain: [0, most] },
    y: { label: 'C, the concept', domain: [0, 1], grid: true },
    marks: [
      ...all.map(({ measured }) =>
        Plot.line(line(measured, 'concept', most), { x: 'strength', y: 'value', stroke: quiet }),
      ),
      Plot.line(line(weak.measured, 'concept', most), {
        x: 'strength',
        y: 'value',
        stroke: colours.concept,
        strokeWidth: 3,
      }),
      Plot.ruleY([0.25], { stroke: colours.concept, strokeDasharray: '4 3' }),
      ...mark(1, 'strength 1'),
      ...(
        [
          [0.25, 'C = 0.25'],
          [valueAt(weak.measured, 'concept', most), weak.name],
        ] as const
      ).map(([y, text]) =>
        Plot.text([{ x: most, y }], {
          x: 'x',
          y: 'y',
          text: [text],
          textAnchor: 'start',
          dx: 6,
          fill: colours.concept,
          fontSize: 12,
        }),
      ),
    ],
  });
}

/** A line at a strength, with its name above it. */
const mark = (strength: number, text: string, textAnchor: 'start' | 'middle' | 'end' = 'middle') => [
  Plot.ruleX([strength], { stroke: ink, strokeDasharray: '2 3' }),
  Plot.text([{ x: strength, y: 1 }], {
    x: 'x',
    y: 'y',
    text: [text],
    textAnchor,
    dy: -10,
    fill: ink,
    fontSize: 12,
  }),
];

/** Heights of labels, moved apart where they would lie on one another, in the order given. */
function spread(values: readonly number[]): number[] {
  const least = 0.07;
  const order = values.map((value, i) => ({ value, i })).sort((a, b) => a.value - b.value);
  let below = Number.NEGATIVE_INFINITY;
  const placed = new Array<number>(values.length);
  for (const { value, i } of order) {
    below = Math.max(value, below + least);
    placed[i] = below;
  }
  return placed;
}
