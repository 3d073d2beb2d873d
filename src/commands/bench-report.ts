/** `steerd bench report`: one page of a run's folder, that needs no network, with its numbers as JSON and CSV beside it. */
import type { Command } from 'commander';
import { readRecords, readRun } from '../benchmark/record-file.js';
import { errors } from '../errors.js';
import { sayJson, sayWrapped } from './output.js';

interface Options {
  readonly out?: string;
  readonly compact?: string;
  readonly json?: boolean;
}

/** @param bench the command that it is under */
export function addReport(bench: Command): void {
  bench
    .command('report')
    .description('write the report of a run: a page that needs no network, with its numbers as JSON and CSV')
    .argument('<folder>', 'what a run was written into; one that still goes on has a report of what is there')
    .option('--out <folder>', 'where the files go (default: into the same folder)')
    .option(
      '--compact <folder>',
      'instead, into this folder: Markdown, JSON and CSV of at most 300 kB, for a repository to keep',
    )
    .option('--json', 'the names of the files as JSON', false)
    .action(async (folder: string, { out, compact, json }: Options) => {
      if (out !== undefined && compact !== undefined)
        throw errors.invalidValue('--compact', 'left out with --out, or the other way round', compact);
      const run = await readRun(folder);
      if (run === null) throw errors.invalidValue('folder', 'one that a run was written into', folder);
      // Only here: what draws plots is as large as all other commands together.
      const { writeReport } = await import('../benchmark/report/write.js');
      const { files, data } = await writeReport(
        run,
        readRecords(folder),
        compact ?? out ?? folder,
        compact !== undefined,
      );
      if (json) sayJson({ object: 'benchmark.report.files', files, counts: data.counts });
      else sayWrapped(`${files[0]}, with ${files.length - 1} files of its numbers beside it`);
    });
}
