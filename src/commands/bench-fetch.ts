/** `steerd bench fetch`: a run that is a server's, as the folder that the command would have made. */
import type { Command } from 'commander';
import { takeRun } from '../benchmark/whole-run.js';
import { type ApiOptions, addApi, withApi } from './api.js';
import { sayJson, sayWrapped } from './output.js';

interface Options extends ApiOptions {
  readonly out: string;
}

/** @param bench the command that it is under */
export function addFetch(bench: Command): void {
  const command = bench
    .command('fetch')
    .description(
      'write a run that a server has, such as that of a job, into a folder: to judge, compare or keep',
    )
    .argument('<name>', 'of the run, as GET /v1/benchmarks tells it')
    .requiredOption('--out <folder>', 'where it goes; one that has the run already gets what it lacks');
  const settingsOf = addApi(command);
  command.action(async (name: string, options: Options) => {
    const settings = settingsOf({ ...options });
    const { out } = options;
    const { added, sent } = await withApi(
      options,
      settings,
      (api) => takeRun(api.lines(`/v1/benchmarks/${encodeURIComponent(name)}/records`), out),
      'nothing',
      `stopped; the same command goes on with what is in ${out}`,
    );
    if (options.json) sayJson({ object: 'benchmark.fetched', name, folder: out, records: sent, added });
    else
      sayWrapped(
        `${added} of ${sent} records are new in ${out}; steerd bench report ${out} writes its report, and steerd bench concepts with the options of the run, --out ${out} and --judge has another judge read its answers`,
      );
  });
}
