/** A concept as a terminal shows it: what it is, its curves over the strength, its layers, samples and warnings. */
import { glanceMethod } from '../concepts/concept.js';
import type { ConceptObject } from '../schemas/concepts.js';
import { wrap } from './columns.js';
import { bar, painted } from './output.js';

/** The parts of `calibration.details` that are shown; concepts of others may lack any of them. */
interface Measured {
  readonly share?: number;
  readonly scores?: Readonly<Record<string, number | null>>;
  readonly curve?: readonly Readonly<Record<string, number | null>>[];
  readonly samples?: readonly {
    readonly question?: string;
    readonly plain?: string;
    readonly steered?: string;
  }[];
}

const curves = [
  ['concept', '36'],
  ['fluency', '33'],
  ['harmonic', '32'],
] as const;

/** @returns lines of at most `width` cells */
export function conceptCard(concept: ConceptObject, width: number): string[] {
  const measured = concept.calibration.details as Measured;
  return [
    painted('1', concept.name),
    ...facts(concept).flatMap(([name, value]) => hanging(name, value, width)),
    ...(concept.warnings ?? []).flatMap((warning) => hanging('warning', warning, width)),
    ...strengthCurves(measured, width),
    ...layerBars(concept, width),
    ...samples(measured, width),
  ];
}

function facts(concept: ConceptObject): [string, string][] {
  const { prefix, max_strength: most, weak, recipe, method, calibration } = concept;
  const { share } = calibration.details as Measured;
  const strength = most === undefined ? glanced(calibration.method, share) : `1 as measured, max ${most}`;
  return [
    ['model', concept.model],
    ['version', concept.version.slice(0, 12)],
    ['source', concept.source === 'shipped' ? 'comes with the model' : 'made here'],
    ['recipe', `${recipe}, ${method}`],
    ...(prefix === '' ? [] : [['stated by', prefix] as [string, string]]),
    ...(strength === null ? [] : [['strength', strength] as [string, string]]),
    ...(weak ? [['weak', 'strength 1 shows little of it'] as [string, string]] : []),
  ];
}

/** All that a glance tells. */
const glanced = (method: string, share: number | undefined): string | null =>
  method === glanceMethod && typeof share === 'number'
    ? `1 by a glance: moves the stream by ${(100 * share).toPrecision(3)} %`
    : null;

const nameWidth = 10;

function hanging(name: string, value: string, width: number): string[] {
  const lines = wrap(value, Math.max(10, width - nameWidth - 2));
  return lines.map((line, i) => `  ${painted('2', (i === 0 ? name : '').padEnd(nameWidth))}${line}`);
}

/** What was measured at each share of the residual norm, as bars; the mark is strength 1. */
function strengthCurves({ curve, share: one }: Measured, width: number): string[] {
  const points = (curve ?? []).filter(({ share }) => typeof share === 'number' && share > 0);
  if (points.length === 0 || one === undefined || one <= 0) return [];
  const room = Math.max(6, Math.floor((width - 12) / curves.length) - 2);
  const shownCurves = curves.filter(([name]) => points.some((point) => typeof point[name] === 'number'));
  const head = shownCurves.map(([name]) => name.padEnd(room)).join('  ');
  return [
    '',
    painted('1', `  strength  ${head}`.trimEnd()),
    ...points
      .sort((a, b) => Number(a.share) - Number(b.share))
      .map((point) => {
        const strength = Number(point.share) / one;
        const bars = shownCurves
          .map(([name, colour]) => {
            const value = point[name];
            const text = typeof value === 'number' ? `${bar(value, room - 5)} ${value.toFixed(2)}` : '-';
            return painted(colour, text.padEnd(room));
          })
          .join('  ');
        const mark = Math.abs(strength - 1) < 0.05 ? '>' : ' ';
        return `${mark} ${strength.toFixed(2).padStart(8)}  ${bars}`.trimEnd();
      }),
  ];
}

/** How much strength 1 adds at each layer, as a share of the residual norm there. */
function layerBars({ calibration, residual_norms: norms }: ConceptObject, width: number): string[] {
  const shares = calibration.coefficients.map((c, layer) => Math.abs(c) / (norms[layer] || 1));
  const most = Math.max(...shares);
  if (!(most > 0)) return [];
  const levels = '▁▂▃▄▅▆▇█';
  const steps = shares.map((share) =>
    share === 0 ? '·' : (levels[Math.min(7, Math.floor((share / most) * 7.999))] ?? '█'),
  );
  const rows = [];
  for (let at = 0; at < steps.length; at += width - 14)
    rows.push(`  ${String(at).padStart(8)}  ${painted('36', steps.slice(at, at + width - 14).join(''))}`);
  return [
    '',
    ...wrap(`push by layer, the most ${(most * 100).toFixed(1)} % of the residual norm`, width - 2).map(
      (line) => painted('1', `  ${line}`),
    ),
    ...rows,
  ];
}

function samples({ samples = [] }: Measured, width: number): string[] {
  return samples.flatMap(({ question = '', plain = '', steered = '' }) => [
    '',
    ...wrap(question, width - 2).map((line) => painted('1', `  ${line}`)),
    ...hanging('plain', plain, width),
    ...hanging('steered', steered, width),
  ]);
}
