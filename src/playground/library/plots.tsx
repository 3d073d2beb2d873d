/** The figures of a concept: over strengths, over layers, and where its fit attended. */

import type { ConceptAttention } from '../../schemas/concept-attention.js';
import { PlotFigure } from '../parts/plot.js';
import { strengthText } from '../parts/slider.js';
import { visible } from '../parts/token-text.js';
import {
  type CurvePart,
  type CurvePoint,
  curveParts,
  layerParts,
  type layersOf,
  type StrengthCurve,
} from './figures.js';

interface StrengthPlotProps {
  readonly curve: StrengthCurve;
  readonly max: number | null;
}

const partNames: Readonly<Record<CurvePart, string>> = {
  concept: 'concept (C)',
  fluency: 'fluency (F)',
  harmonic: 'together (H)',
};
const partColours = ['var(--toward-solid)', 'var(--away-solid)', 'var(--accent)'];

export function StrengthPlot({ curve, max }: StrengthPlotProps) {
  const shown = curve.lines.length > 0 ? curve.lines : curve.points;
  const parts = curveParts.filter((part) => shown.some((point) => point.part === part));
  const ends = apart(parts.flatMap((part) => shown.filter((point) => point.part === part).slice(-1)));
  const reach = Math.max(...shown.map(({ strength }) => strength));
  const marks = [
    { at: 1, text: '1' },
    ...(max === null ? [] : [{ at: max, text: `max ${strengthText(Number(max.toFixed(2)))}` }]),
  ].filter(({ at }) => at <= reach * 1.001);
  return (
    <PlotFigure
      label={`Concept, fluency and both together by strength, from 0 to ${strengthText(reach)}`}
      height={260}
      caption="How much of the concept shows (C), how fluent answers stay (F), and their harmonic mean with still answering the question (H). Dots were measured."
      data={curve}
      draw={(plot) => ({
        marginTop: 26,
        marginRight: 92,
        marginLeft: 36,
        x: { label: 'strength', tickSize: 0, domain: [0, reach] },
        y: { domain: [0, 1], label: null, grid: true, ticks: 5, tickSize: 0 },
        color: { domain: [...curveParts], range: partColours },
        marks: [
          plot.ruleX(marks, { x: 'at', stroke: 'var(--line-strong)', strokeDasharray: '3 3' }),
          plot.text(marks, { x: 'at', text: 'text', frameAnchor: 'top', dy: -14, fill: 'var(--ink-soft)' }),
          plot.line(shown, { x: 'strength', y: 'value', stroke: 'part', z: 'part', strokeWidth: 2 }),
          plot.dot(curve.points, { x: 'strength', y: 'value', fill: 'part', r: 3.5 }),
          plot.text(ends, {
            x: 'strength',
            y: 'at',
            text: ({ part }: { part: CurvePart }) => partNames[part],
            fill: 'part',
            textAnchor: 'start',
            dx: 8,
            fontWeight: 600,
          }),
        ],
      })}
    />
  );
}

/** Where names of lines stand, so that none is on another: at least `gap` of the height apart. */
function apart(ends: readonly CurvePoint[], gap = 0.075): (CurvePoint & { readonly at: number })[] {
  const placed: (CurvePoint & { readonly at: number })[] = [];
  for (const end of [...ends].sort((a, b) => b.value - a.value)) {
    const above = placed.at(-1)?.at ?? Number.POSITIVE_INFINITY;
    placed.push({ ...end, at: Math.min(end.value, above - gap) });
  }
  return placed;
}

interface LayerPlotProps {
  readonly layers: ReturnType<typeof layersOf>;
}

export function LayerPlot({ layers }: LayerPlotProps) {
  const parts = layerParts.filter((part) => layers.some((row) => row.part === part));
  const best = layers.filter(({ part }) => part === parts[0]).reduce((a, b) => (b.value > a.value ? b : a));
  return (
    <PlotFigure
      label={`By layer: ${parts.join(' and ')}. Layer ${best.layer} has the highest ${best.part}, ${best.value.toFixed(2)}`}
      height={220}
      caption={[
        ...(parts.includes('AUROC')
          ? [
              'AUROC (solid): how well a layer tells answers of the told model from neutral ones; 0.5 is chance.',
            ]
          : []),
        ...(parts.includes('validation r')
          ? ['Validation r (dashed): how well the fit held on what it had not seen.']
          : []),
      ].join(' ')}
      data={layers}
      draw={(plot) => ({
        marginLeft: 36,
        marginRight: 16,
        x: { label: 'layer', tickSize: 0 },
        y: { domain: [0, 1], label: null, grid: true, ticks: 5, tickSize: 0 },
        marks: [
          ...(parts.includes('AUROC')
            ? [plot.ruleY([0.5], { stroke: 'var(--line-strong)', strokeDasharray: '2 3' })]
            : []),
          ...parts.map((part) =>
            plot.line(
              layers.filter((row) => row.part === part),
              {
                x: 'layer',
                y: 'value',
                stroke: part === 'AUROC' ? 'var(--accent)' : 'var(--toward-solid)',
                strokeWidth: 2,
                ...(part === 'AUROC' ? {} : { strokeDasharray: '5 3' }),
              },
            ),
          ),
        ],
      })}
    />
  );
}

export function AttentionPlot({ attention }: { readonly attention: ConceptAttention }) {
  const { candidates, map, chosen } = attention;
  const nameOf = (index: number) => {
    const { offset, text } = candidates[index] ?? { offset: 0, text: '' };
    return `${visible(text)} ${String(offset).replace('-', '\u2212')}`;
  };
  const most = Math.max(...map.flat(), 1e-9);
  const cells = map.flatMap((row, layer) =>
    row.map((value, index) => ({ layer, token: nameOf(index), value, chosen: chosen[layer] === index })),
  );
  return (
    <PlotFigure
      label={`Attention to the concept's message, ${map.length} layers by ${candidates.length} tokens; the token that each layer was read at is marked`}
      height={Math.max(180, Math.min(640, 14 * map.length + 60))}
      caption="How much the last tokens of the prompts attend to what states the concept, by layer: the stronger, the more. The framed one, with the most attention, is where the layer was read."
      data={attention}
      draw={(plot) => ({
        marginLeft: 36,
        marginTop: 28,
        padding: 0.06,
        x: { label: null, axis: 'top', tickSize: 0, domain: candidates.map((_, index) => nameOf(index)) },
        y: {
          label: 'layer',
          tickSize: 0,
          ticks: map.map((_, layer) => layer).filter((layer) => layer % 5 === 0),
        },
        marks: [
          plot.cell(cells, {
            x: 'token',
            y: 'layer',
            fill: 'var(--accent)',
            fillOpacity: ({ value }: { value: number }) => 0.04 + (0.9 * value) / most,
          }),
          plot.cell(
            cells.filter((cell) => cell.chosen),
            { x: 'token', y: 'layer', fill: 'none', stroke: 'var(--toward-solid)', strokeWidth: 2, inset: 1 },
          ),
        ],
      })}
    />
  );
}
