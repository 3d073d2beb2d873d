/**
 * Plots as SVG text, without a browser: Observable Plot on a document of linkedom's. White ground and fixed ink, so that a plot reads alike
 * on any page and in print. Both libraries are bundled into the compiled form of this room's `figures.ts`: an installed package has neither.
 */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

export type PlotOptions = Omit<Plot.PlotOptions, 'document' | 'title' | 'figure'>;

/**
 * @param title what a screen reader says; not drawn
 */
export function svgOf(title: string, options: PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const plot = Plot.plot({
    style: { background: '#fff', color: '#1c2733', fontFamily: 'system-ui, sans-serif' },
    ...options,
    document,
  });
  // For pages that a plot is part of; as a file it needs none.
  plot.querySelector('style')?.remove();
  plot.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  plot.setAttribute('role', 'img');
  const named = document.createElementNS('http://www.w3.org/2000/svg', 'title');
  named.textContent = title;
  plot.prepend(named);
  return `${plot.outerHTML}\n`;
}
