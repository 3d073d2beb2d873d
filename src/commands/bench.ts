/**
 * `steerd bench`: the paper's benchmark (arXiv 2602.00333) on one's own model. `concepts` runs it into a folder, `compare`
 * puts two such folders side by side, `report` writes the page of one, `fetch` brings one that a server has.
 */
import type { Command } from 'commander';
import { type Asked, cellsOf } from '../benchmark/asked.js';
import { compareRuns } from '../benchmark/compare.js';
import { differences, goingOn, headOf } from '../benchmark/head.js';
import type { JudgeSettings } from '../benchmark/judge-client.js';
import { shownProgress } from '../benchmark/progress.js';
import { readRecords, readRun, writeRun } from '../benchmark/record-file.js';
import { type BenchmarkSettings, runBenchmark } from '../benchmark/run.js';
import { lockRun } from '../benchmark/run-lock.js';
import { summarise } from '../benchmark/summary.js';
import type { Settings } from '../config.js';
import { errors } from '../errors.js';
import { addApi, withApi } from './api.js';
import { withCopies } from './bench-copies.js';
import { addFetch } from './bench-fetch.js';
import { checkJobOptions, runAsJob, sayRun } from './bench-job.js';
import { addBenchOptions, askedOf, type BenchOptions } from './bench-options.js';
import { addReport } from './bench-report.js';
import { costOf, priceOf, sayComparison, saySummary } from './bench-tables.js';
import { helpText, sayJson, sayWrapped } from './output.js';
import { ProgressLine } from './progress-line.js';
import { countOf, numberOf } from './steering-options.js';

export function register(program: Command): void {
  const bench = program.command('bench').description("the paper's benchmark of concepts, on your own model");
  addConcepts(bench);
  addCompare(bench);
  addReport(bench);
  addFetch(bench);
}

function addConcepts(bench: Command): void {
  const command = bench
    .command('concepts')
    .description(
      'fit many concepts in several ways, ask the same prompts of each, and have the answers judged',
    )
    .addHelpText(
      'after',
      helpText(
        "\nEvery finished answer is in the folder at once: the same command goes on after Ctrl-C, kill -9 or a power cut, and repeats none.\nThe ablations of the paper for 15 concepts: steerd bench concepts --sample 3 --methods rfm --one-at-a-time --tokens chosen,-1,-2,-3,-4,-5 --labels soft,hard --profiles separation,norm,uniform --statements 64,32,16 --calibration glance --out ablations\nAs in the paper's own setting: --methods rfm --contrasts none --profiles uniform --coefficients 1,2,4,8",
      ),
    );
  addBenchOptions(command);
  const settingsOf = addApi(command);
  command.action(async (options: BenchOptions) => {
    const asked = await askedOf(options);
    const settings = settingsOf({ ...options });
    const price = priceOf(options.judgePrice);
    const work = {
      judge: judgeSettings(asked, options),
      inFlight: countOf('--parallel', options.parallel ?? '16'),
    };
    if (options.dryRun) return sayPlan(asked, options);
    const { out, job } = options;
    if (job !== undefined) return askJob(options, settings, asked);
    if (out === undefined) throw errors.invalidValue('--out', 'given, or --job', 'nothing');
    const summary = await withCopies(
      options,
      settings,
      out,
      (api, others) => runInto(out, asked, options, { ...work, api, others }),
      `stopped; the same command goes on with what is in ${out}`,
    );
    if (options.json) sayJson({ ...summary, cost: costOf(summary, price) });
    else saySummary(summary, price);
  });
}

async function askJob(options: BenchOptions, settings: Settings, asked: Asked): Promise<void> {
  checkJobOptions(options);
  await withApi(
    options,
    settings,
    async (api) => {
      const run = await runAsJob(api, options, asked);
      if (options.json) sayJson(run);
      else sayRun(run, api.where ?? '');
    },
    'nothing',
    'stopped; the server goes on with the run, and the same command follows it again',
  );
}

type Work = Pick<BenchmarkSettings, 'api' | 'others' | 'judge' | 'inFlight'>;

async function runInto(folder: string, asked: Asked, options: BenchOptions, work: Work) {
  const lock = await lockRun(folder);
  const progress = new ProgressLine();
  try {
    progress.update('looking at the model ...');
    const before = await readRun(folder);
    const now = await headOf(work.api, asked);
    const run = before === null ? now : goingOn(before, now, folder);
    await writeRun(folder, run);
    return await runBenchmark({
      ...{ ...work, folder, run },
      judgeCache: options.judgeCache,
      keep: options.keepConcepts ?? false,
      onProgress: (what, now) => progress.update(`${shownProgress(now)};`, what),
    });
  } finally {
    progress.clear();
    await lock.release();
  }
}

/** A day. */
const mostSeconds = 86_400;

function judgeSettings(asked: Asked, options: BenchOptions): JudgeSettings | undefined {
  const { judge } = asked.options;
  if (judge === null) return undefined;
  const seconds = numberOf('--judge-timeout', options.judgeTimeout);
  if (!(seconds > 0 && seconds <= mostSeconds))
    throw errors.invalidValue('--judge-timeout', `seconds, more than 0 and at most ${mostSeconds}`, seconds);
  return {
    url: judge.url,
    model: judge.model,
    key: process.env.STEERD_JUDGE_KEY?.trim() || undefined,
    atOnce: countOf('--judge-parallel', options.judgeParallel),
    timeLimit: Math.ceil(1000 * seconds),
    maxTokens: options.judgeTokens === undefined ? undefined : countOf('--judge-tokens', options.judgeTokens),
  };
}

function sayPlan(asked: Asked, { json }: BenchOptions): void {
  const { concepts, variants, options } = asked;
  const cells = cellsOf(asked);
  const plan = {
    object: 'benchmark.plan',
    concepts: concepts.length,
    variants: variants.map(({ id }) => id),
    fits: concepts.length * variants.length,
    answers: cells.total,
    judgements: cells.total * (options.judge?.scores.length ?? 0),
  };
  if (json) {
    sayJson(plan);
    return;
  }
  sayWrapped(
    `${plan.concepts} concepts, ${plan.fits} fits, ${plan.answers} answers, ${plan.judgements} judgements`,
  );
  for (const id of plan.variants) sayWrapped(`  ${id}`);
}

function addCompare(bench: Command): void {
  bench
    .command('compare')
    .description('put two runs side by side: differences within the concepts that both have')
    .argument('<a>', 'folder of a run')
    .argument('<b>', 'folder of another')
    .option('--json', 'as JSON', false)
    .action(async (a: string, b: string, { json }: { readonly json: boolean }) => {
      const summaries = [];
      for (const folder of [a, b]) {
        const run = await readRun(folder);
        if (run === null) throw errors.invalidValue('the folder', 'that of a run', folder);
        summaries.push({ run, summary: await summarise(run, readRecords(folder)) });
      }
      const [left, right] = summaries as [(typeof summaries)[0], (typeof summaries)[0]];
      const comparison = compareRuns(left.summary, right.summary, left.run.options.seed);
      const differ = differences(left.run, right.run);
      if (json) sayJson({ ...comparison, differ });
      else sayComparison(comparison, differ);
    });
}
