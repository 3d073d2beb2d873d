/** The figures of the fits themselves: the token that each layer read, and how well its vector tells the sides apart. */
import * as Plot from '@observablehq/plot';
import type { ReportData } from './data.js';
import { at, colours, dashes, drawn, type Figure, margin, quiet, short, width } from './drawing.js';

/** Each layer's number where there is room for it. */
function layerTick(rows: readonly { readonly layer: number }[]): (layer: number) => string {
  const step = Math.ceil(new Set(rows.map(({ layer }) => layer)).size / 16);
  return (layer) => (step === 1 || layer % Math.max(5, step) === 0 ? String(layer) : '');
}

export function tokenFigure(data: ReportData): Figure | null {
  const rows = data.layers.flatMap(({ variant, layer, fits, tokens }) =>
    Object.entries(tokens).map(([token, count]) => ({ variant, layer, token, share: count / fits })),
  );
  if (rows.length === 0) return null;
  const tokens = [...new Set(rows.map(({ token }) => token))].sort((a, b) => Number(b) - Number(a));
  const variants = [...new Set(rows.map(({ variant }) => variant))];
  return {
    id: 'tokens',
    title: 'Layers and the tokens that they read',
    caption:
      'The share of fits that read a token at a layer: the darker, the more; −1 is the last token of the prompt. Recipe attention chooses, layer by layer, the token that attends most to the concept.',
    svg: drawn('Which token each layer reads, as a share of the fits', {
      width,
      height: 60 + variants.length * (26 * tokens.length + 24),
      marginLeft: 44,
      marginRight: margin(variants),
      x: {
        label: 'layer',
        type: 'band',
        tickFormat: layerTick(rows),
      },
      y: { label: 'token', domain: tokens },
      fy: { domain: variants, label: null, tickFormat: short },
      color: { type: 'linear', domain: [0, 1], range: ['#eef3f8', '#0b4f7d'], legend: false },
      marks: [
        Plot.cell(rows, { fy: 'variant', x: 'layer', y: 'token', fill: 'share', inset: 0.5 }),
        Plot.text(
          rows.filter(({ share }) => share >= 0.995),
          { fy: 'variant', x: 'layer', y: 'token', text: () => '•', fill: '#fff' },
        ),
      ],
    }),
  };
}

export function aurocFigure(data: ReportData): Figure | null {
  const rows = data.layers.flatMap(({ variant, layer, auroc }) =>
    auroc === null ? [] : [{ variant, layer, ...auroc }],
  );
  if (rows.length === 0) return null;
  const names = data.run.variants.map(({ id }) => id);
  const low = Math.min(0.5, ...rows.map((row) => row.low));
  return {
    id: 'auroc',
    title: 'How well each layer tells the concept',
    caption:
      'Area under the ROC curve of the projections onto the layer’s direction, on what its fit held out: median of the fits, with quartiles as a band. 0.5 is chance.',
    svg: drawn('Area under the ROC curve by layer', {
      width,
      height: 280,
      marginLeft: 44,
      marginRight: margin(names),
      x: {
        label: 'layer',
        ticks: 10,
        tickFormat: (layer: number) => (Number.isInteger(layer) ? String(layer) : ''),
      },
      y: { domain: [low, 1], label: 'AUROC', grid: true },
      color: colours(data, names),
      marks: [
        Plot.ruleY([0.5], { stroke: quiet, strokeDasharray: '2 3' }),
        Plot.areaY(rows, {
          x: 'layer',
          y1: 'low',
          y2: 'high',
          fill: 'variant',
          fillOpacity: 0.14,
          z: 'variant',
        }),
        ...names.map((name, i) =>
          Plot.line(
            rows.filter(({ variant }) => variant === name),
            {
              x: 'layer',
              y: 'mean',
              stroke: 'variant',
              strokeWidth: 2,
              ...(at(dashes, i) === '' ? {} : { strokeDasharray: at(dashes, i) }),
            },
          ),
        ),
        Plot.text(
          rows,
          Plot.selectLast({
            x: 'layer',
            y: 'mean',
            z: 'variant',
            fill: 'variant',
            text: (row: { variant: string }) => short(row.variant),
            textAnchor: 'start',
            dx: 8,
          }),
        ),
      ],
    }),
  };
}
