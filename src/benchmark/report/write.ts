/** Writes the report of a run beside its records: report.html, report.json and CSV files, each whole or not at all. */
import { join } from 'node:path';
import { makeFolderDurably, writeDurably } from '../../common/durable-file.js';
import type { BenchRecord, Run } from '../records.js';
import { collectReport } from './collect.js';
import { compactReport } from './compact.js';
import type { ReportData } from './data.js';
import { figuresOf } from './figures.js';
import { reportHtml } from './html.js';
import { tablesOf } from './tables.js';

interface Written {
  readonly data: ReportData;
  /** Paths, the page first. */
  readonly files: readonly string[];
}

/**
 * @param folder that the files go to; one that is there is replaced
 * @param compact only what a repository can keep: compact.ts
 */
export async function writeReport(
  run: Run,
  records: AsyncIterable<BenchRecord> | Iterable<BenchRecord>,
  folder: string,
  compact = false,
): Promise<Written> {
  const data = await collectReport(run, records);
  const contents: Readonly<Record<string, string>> = compact
    ? compactReport(data)
    : {
        'report.html': reportHtml(data, figuresOf(data)),
        'report.json': `${JSON.stringify(data, null, 1)}\n`,
        ...tablesOf(data),
      };
  await makeFolderDurably(folder);
  for (const [name, text] of Object.entries(contents)) await writeDurably(folder, name, Buffer.from(text));
  return { data, files: Object.keys(contents).map((name) => join(folder, name)) };
}
