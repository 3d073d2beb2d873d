/**
 * How figures of a report are drawn. Colours are told apart without seeing red or green, and every line also has a dash of its own, for
 * print without colours.
 */
import type { ReportData } from './data.js';
import { type PlotOptions, svgOf } from './svg.js';

export interface Figure {
  readonly id: string;
  readonly title: string;
  /** What it shows, under it. */
  readonly caption: string;
  readonly svg: string;
}

export const ink = '#1c2733';
export const quiet = '#6b7a8c';
/** Okabe and Ito's colours, the darker ones first. */
export const palette = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#b8860b',
  '#56b4e9',
  '#7a5195',
  '#444444',
];
export const dashes = ['', '6 3', '2 3', '8 3 2 3', '1 2', '10 4', '4 2 1 2', '3 6'];
export const width = 860;

/** One picture with one text: what its parts say by themselves ("line", "rule") helps nobody. */
export const drawn = (title: string, options: PlotOptions): string =>
  svgOf(title, options).replace(/ aria-label="[^"]*"/g, '');

/** A place in a list, for a colour or a dash. */
export const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;

/** Names of ways in the order in which they are always drawn. */
export function waysOf({ run }: ReportData): string[] {
  return ['plain', 'told', ...run.variants.map(({ id }) => id)];
}

/** A way has the same colour in every figure. */
export const colours = ({ run }: ReportData, names: readonly string[]) => {
  const variants = run.variants.map(({ id }) => id);
  const colourOf = (name: string) =>
    name === 'plain' ? '#9aa5b1' : name === 'told' ? ink : at(palette, Math.max(0, variants.indexOf(name)));
  return { domain: [...names], range: names.map(colourOf) };
};

export const short = (name: string) => (name.length > 34 ? `${name.slice(0, 33)}…` : name);
/** Pixels that the longest of some names takes beside an axis. */
export const margin = (names: readonly string[]) =>
  Math.min(240, 16 + 6.4 * Math.max(0, ...names.map((name) => short(name).length)));
