/** What a concept reads along both answers, smoothed: 0 is what neutral answers read, 1 what told ones do. */
import { useEffect, useState } from 'preact/hooks';
import { PlotFigure } from '../parts/plot.js';
import type { Answer, Monitored, ReadToken } from './answer.js';

interface CurveProps {
  readonly answers: readonly Answer[];
  readonly monitored: readonly Monitored[];
  /** Index of the concept. */
  readonly shown: number;
}

/** Tokens that a point of the curve is the mean of: single tokens spread widely. */
const smoothing = 7;
/** Points of a line: more than there are pixels help nobody. */
const mostPoints = 400;
/** Milliseconds between two drawings while answers grow. */
const pace = 500;

interface Point {
  readonly token: number;
  readonly value: number;
}

/** Running means, thinned out to `mostPoints`. */
export function smoothed(tokens: readonly ReadToken[], index: number): Point[] {
  const step = Math.max(1, Math.ceil(tokens.length / mostPoints));
  const half = Math.max(smoothing, step) >> 1;
  const points: Point[] = [];
  for (let at = 0; at < tokens.length; at += step) {
    const near = tokens
      .slice(Math.max(0, at - half), at + half + 1)
      .map(({ values }) => values[index] ?? Number.NaN)
      .filter(Number.isFinite);
    if (near.length > 0) points.push({ token: at + 1, value: near.reduce((a, b) => a + b) / near.length });
  }
  return points;
}

export function Curve({ answers, monitored, shown }: CurveProps) {
  const [drawn, setDrawn] = useState<readonly Point[][]>([]);
  const open = answers.some(({ isOpen }) => isOpen);
  // Read, so that the end of an answer renders this again.
  for (const { version } of answers) version.value;
  useEffect(() => {
    const draw = () => setDrawn(answers.map(({ tokens }) => smoothed(tokens, shown)));
    draw();
    if (!open) return;
    const timer = setInterval(draw, pace);
    return () => clearInterval(timer);
  }, [answers, shown, open]);
  const what = monitored[shown];
  if (what === undefined || drawn.every((line) => line.length < 2)) return null;
  const calibrated = what.scale === 'calibrated';
  return (
    <PlotFigure
      label={`What ${what.concept} reads along the answers`}
      height={150}
      data={drawn}
      caption={
        calibrated
          ? `${what.concept}, token by token, each point the mean of ${smoothing}: 0 is what neutral answers read, 1 what answers read when the model is told.`
          : `${what.concept}, token by token, in units of ${what.scale === 'norm' ? 'the stream’s norm' : 'the stream'}: compare it with itself only.`
      }
      draw={(plot) => ({
        marginLeft: 36,
        marginRight: 12,
        marginTop: 14,
        marginBottom: 26,
        x: { label: null, ticks: 6, tickSize: 0, nice: false },
        y: {
          label: null,
          grid: true,
          ticks: 4,
          tickSize: 0,
          ...(calibrated ? { domain: reach(drawn) } : {}),
        },
        marks: [
          ...(calibrated
            ? [plot.ruleY([0, 1], { stroke: 'var(--line-strong)', strokeDasharray: '2 3' })]
            : []),
          ...drawn.map((line, i) =>
            plot.line(line, {
              x: 'token',
              y: 'value',
              stroke: answers[i]?.steered ? 'var(--toward-solid)' : 'var(--ink-soft)',
              strokeWidth: 2,
              ...(answers[i]?.steered ? {} : { strokeDasharray: '5 3' }),
              curve: 'monotone-x',
            }),
          ),
          ...drawn.flatMap((line, i) => {
            const last = line.at(-1);
            if (last === undefined || drawn.length < 2) return [];
            return [
              plot.text([last], {
                x: 'token',
                y: 'value',
                text: () => (answers[i]?.steered ? 'steered' : 'plain'),
                fill: answers[i]?.steered ? 'var(--toward-solid)' : 'var(--ink-soft)',
                textAnchor: 'end',
                dy: -9,
                stroke: 'var(--sheet)',
                strokeWidth: 4,
                fontWeight: 600,
              }),
            ];
          }),
        ],
      })}
    />
  );
}

/** From a little below 0 to a little above 1, or as far as the lines go. */
function reach(lines: readonly Point[][]): [number, number] {
  const values = lines.flat().map(({ value }) => value);
  return [Math.min(-0.25, ...values), Math.max(1.25, ...values)];
}
