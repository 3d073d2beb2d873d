/** `steerd bench concepts --job NAME`: a server does the run, and goes on with it without this command. */
import type { Asked } from '../benchmark/asked.js';
import { readConcepts } from '../benchmark/concepts.js';
import { pauseUnlessAborted } from '../common/backoff.js';
import { errors } from '../errors.js';
import type { BenchmarkRun } from '../schemas/benchmarks.js';
import { type Api, ApiError } from './api.js';
import { axesOf, type BenchOptions } from './bench-options.js';
import { shown } from './bench-tables.js';
import { say, sayTable, sayWrapped } from './output.js';
import { ProgressLine } from './progress-line.js';
import { countOf } from './steering-options.js';
import { readTextFile } from './text-file.js';

/** A server that starts again is looked for so often, a few seconds apart. */
const mostLooks = 60;
const lookEvery = 3000;

/** @throws SteerdError for an option that a job has not */
export function checkJobOptions(options: BenchOptions): void {
  if (options.local)
    throw errors.invalidValue('--job', 'asked of a server, not of this process', options.job);
  if (options.copies !== undefined)
    throw errors.invalidValue(
      '--copies',
      'left out with --job: a server has one of its model',
      options.copies,
    );
  if (options.judge !== undefined)
    throw errors.invalidValue(
      '--judge',
      'left out with --job: no server has the key of yours; steerd bench fetch takes a run out, and the command can judge it',
      options.judge,
    );
}

/** @returns the run when nobody works on it any more. @throws ApiError when it was refused, or has failed */
export async function runAsJob(api: Api, options: BenchOptions, asked: Asked): Promise<BenchmarkRun> {
  if (api.where === null)
    throw errors.invalidValue(
      '--job',
      'asked of a server; none answers, start one with steerd serve',
      options.job,
    );
  const body = { ...api.named, ...(await bodyOf(options, asked)) };
  const begun = await api.json<BenchmarkRun>('/v1/benchmarks', { method: 'POST', body });
  const run = await followed(api, begun);
  const { error, status } = run.job ?? {};
  if (run.state === 'stopped') throw new ApiError(error?.message ?? `the run was ${status ?? 'stopped'}`, 1);
  return run;
}

async function bodyOf(options: BenchOptions, { points, options: run }: Asked): Promise<object> {
  const { contrasts, labels, statements, ...axes } = axesOf(options);
  const named = Object.entries({ contrasts, labels, statements }).filter(([, list]) => !list.includes(null));
  const valuesOf = (scale: string) =>
    points.filter((point) => point.scale === scale).map(({ value }) => value);
  // Its empty lines were told when it was read for the plan.
  const listed =
    options.list === undefined
      ? undefined
      : readConcepts(await readTextFile(options.list, '--list'), options.list);
  return {
    name: options.job,
    ...(listed !== undefined && {
      concepts: listed.map(({ name, class: group, prefix, subject, prompts }) => ({
        ...{ name, class: group },
        ...(subject === null && { prefix }),
        ...(prompts !== null && { prompts }),
      })),
    }),
    ...(run.sample !== null && { sample: run.sample }),
    ...axes,
    ...Object.fromEntries(named),
    one_at_a_time: options.oneAtATime ?? false,
    strengths: valuesOf('strength'),
    coefficients: valuesOf('coefficient'),
    ...{ calibration: run.calibration, seed: run.seed, seeds: run.seeds.length },
    ...{ temperature: run.temperature, max_tokens: run.max_tokens },
    ...(options.parallel !== undefined && { parallel: countOf('--parallel', options.parallel) }),
    keep_concepts: options.keepConcepts ?? false,
  };
}

/** Until nobody works on it; a server that is away for a moment, or another that took it over, is asked again. */
async function followed(api: Api, begun: BenchmarkRun): Promise<BenchmarkRun> {
  const progress = new ProgressLine();
  const path = `/v1/benchmarks/${encodeURIComponent(begun.id)}`;
  let run = begun;
  try {
    for (let looks = 0; run.state === 'queued' || run.state === 'running'; ) {
      try {
        for await (const now of api.events<BenchmarkRun>(`${path}/events`)) {
          looks = 0;
          run = now;
          progress.update(shownRun(run), run.job?.stage ?? '');
        }
        run = await api.json<BenchmarkRun>(path);
      } catch (error) {
        const passes = error instanceof ApiError ? error.exitCode === 3 : !api.signal.aborted;
        if (!passes || api.signal.aborted || ++looks > mostLooks) throw error;
        await pauseUnlessAborted(lookEvery, api.signal);
        api.signal.throwIfAborted();
      }
    }
    return run;
  } finally {
    progress.clear();
  }
}

const shownRun = ({ state, answers: { done, total }, fits }: BenchmarkRun): string =>
  state === 'queued' ? 'waits for its turn' : `${fits.done} fits, ${done} of ${total} answers`;

/** What a run has shown. */
export function sayRun({ id, model, fits, answers, success }: BenchmarkRun, where: string): void {
  const failed = fits.failed > 0 ? `, ${fits.failed} of them impossible` : '';
  say(`${model}: ${fits.done} fits${failed}; ${answers.done} answers`);
  sayTable(
    ['VARIANT', 'N', 'AT STRENGTH 1 (95 %)'],
    success.map(({ variant, concepts, mean, low, high }) => [
      variant,
      String(concepts),
      shown({ mean, low, high }),
    ]),
  );
  sayWrapped(`The report: ${where.replace(/\/+$/, '')}/v1/benchmarks/${encodeURIComponent(id)}/report`);
}
