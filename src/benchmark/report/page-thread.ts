/** The thread of page.ts: makes one page and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { readRecords, readRun } from '../record-file.js';
import { collectReport } from './collect.js';
import { figuresOf } from './figures.js';
import { reportHtml } from './html.js';

const folder = String(workerData);
const run = await readRun(folder);
if (run === null) parentPort?.postMessage(null);
else {
  const data = await collectReport(run, readRecords(folder));
  parentPort?.postMessage(reportHtml(data, figuresOf(data)));
}
