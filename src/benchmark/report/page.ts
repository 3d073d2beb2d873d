/** The page of a run as it is now, made for who asks; nothing is written. */
import { errors } from '../../errors.js';
import { readRecords, readRun } from '../record-file.js';
import type { BenchmarkRuns } from '../watch.js';
import { collectReport } from './collect.js';

/** @throws SteerdError benchmark_not_found */
export async function reportPage(runs: BenchmarkRuns, id: string): Promise<string> {
  const folder = await runs.placeOf(id);
  const run = await readRun(folder);
  if (run === null) throw errors.benchmarkNotFound(id);
  // Plots are drawn by a library that no other request needs.
  const { figuresOf } = await import('./figures.js');
  const { reportHtml } = await import('./html.js');
  const data = await collectReport(run, readRecords(folder));
  return reportHtml(data, figuresOf(data));
}
