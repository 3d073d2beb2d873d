/** The figure of an ablation: every other way less the first, with intervals over the same concepts. */
import * as Plot from '@observablehq/plot';
import type { ReportData } from './data.js';
import { drawn, type Figure, ink, margin, quiet, short, width } from './drawing.js';
import { wholeOf } from './said.js';

const measures = { success: 'success', harmonic: 'H, all three' } as const;

export function besideFigure({ beside, judges: [judge], classes }: ReportData): Figure | null {
  const className = wholeOf(classes);
  const rows = beside.flatMap(({ measure, difference, ...row }) => {
    const kind = Object.entries(measures).find(([name]) => name === measure)?.[1];
    const wanted = row.judge === judge && row.class === className && row.at === 'fixed';
    return kind === undefined || !wanted ? [] : [{ what: row.changed, kind, ...difference }];
  });
  const [first] = beside;
  if (rows.length === 0 || first === undefined) return null;
  const names = [...new Set(rows.map(({ what }) => what))];
  const most = Math.max(0.1, ...rows.flatMap(({ low, high }) => [Math.abs(low), Math.abs(high)]));
  return {
    id: 'beside',
    title: 'Each way beside the first',
    caption: `What each way gains or loses at strength 1 against “${first.base}”, paired by concept: the same concepts and the same prompts, with a 95 % interval from resampling the concepts. Of twenty such intervals one misses 0 by chance.`,
    svg: drawn('Differences from the first way, with intervals', {
      width,
      height: 94 + 26 * names.length,
      marginBottom: 40,
      marginLeft: margin(names),
      marginTop: 34,
      x: { domain: [-most, most], label: 'difference', grid: true },
      y: { domain: names, label: null, tickFormat: short },
      fx: { domain: Object.values(measures), label: null },
      marks: [
        Plot.frame({ stroke: '#dde3ea' }),
        Plot.ruleX([0], { stroke: quiet, strokeDasharray: '2 3' }),
        Plot.ruleY(rows, { fx: 'kind', y: 'what', x1: 'low', x2: 'high', stroke: ink, strokeWidth: 2 }),
        Plot.dot(rows, { fx: 'kind', y: 'what', x: 'mean', fill: ink, r: 4 }),
      ],
    }),
  };
}
