/** Plots for the documents as SVG text, drawn as those of a benchmark's report. */
export { type PlotOptions, svgOf } from '../../src/benchmark/report/svg.js';
