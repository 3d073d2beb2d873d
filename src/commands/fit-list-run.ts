/**
 * Fits a list one by one, says how much time is left, goes on after a fit that fails, and where it was when it is started again after
 * an interruption.
 */

import { timeWords } from '../common/time-words.js';
import { SteerdError } from '../errors.js';
import { ApiError } from './api.js';
import type { FitJournal } from './fit-journal.js';
import type { ListedFit } from './fit-list.js';
import { Interrupted } from './interruption.js';
import { say, sayJson, sayWrapped } from './output.js';

export interface Done {
  readonly version: string;
  readonly seconds: number;
  readonly warnings: readonly string[];
  /** Words for people: where the concept is, and how it was made. */
  readonly where: string;
}

/** Where concepts of a list are made and kept. */
export interface Fitter {
  /**
   * @param title for its progress
   * @param job of an earlier run of the command, which may have gone on meanwhile
   * @param onJob hears of the job as soon as there is one
   */
  fit(
    fit: ListedFit,
    title: string,
    job: string | undefined,
    onJob: (id: string) => Promise<void>,
  ): Promise<Done>;
  /** The version of the concept of that name that is there; null for none. */
  versionOf(fit: ListedFit): Promise<string | null>;
}

interface Outcome {
  readonly name: string;
  readonly status: 'fitted' | 'there' | 'failed';
  readonly version?: string;
  readonly seconds?: number;
  readonly warnings?: readonly string[];
  readonly error?: string;
}

/**
 * @throws ApiError when a fit has failed, after the others; Interrupted; what says that no other fit can work either
 */
export async function fitList(
  list: readonly ListedFit[],
  fitter: Fitter,
  journal: FitJournal,
  { json = false }: { readonly json?: boolean } = {},
): Promise<void> {
  const outcomes: Outcome[] = [];
  const tell = (outcome: Outcome, line: string) => {
    outcomes.push(outcome);
    if (!json) say(line);
  };
  const todo: ListedFit[] = [];
  let took: number[] = [];
  for (const fit of list) {
    const { name } = fit.fields;
    const { version, seconds } = journal.of(fit) ?? {};
    if (version === undefined || (await fitter.versionOf(fit)) !== version) {
      todo.push(fit);
      continue;
    }
    took = seconds === undefined ? took : [...took, seconds];
    tell({ name, status: 'there', version }, `${name}  ${version.slice(0, 12)}  is there already`);
  }
  const failed: string[] = [];
  for (const [index, fit] of todo.entries()) {
    const { name } = fit.fields;
    const mean = took.reduce((sum, one) => sum + one, 0) / took.length;
    const left = took.length === 0 ? '' : `, about ${timeWords(mean * (todo.length - index))} left`;
    const title = `${name} (${list.length - todo.length + index + 1} of ${list.length}${left})`;
    try {
      const onJob = (job: string) => journal.add(fit, { job });
      const done = await fitter.fit(fit, title, journal.of(fit)?.job, onJob);
      const { version, seconds, warnings, where } = done;
      await journal.add(fit, { version, seconds });
      took.push(seconds);
      tell(
        { name, status: 'fitted', version, seconds, warnings },
        `${name}  ${version.slice(0, 12)}  ${seconds.toFixed(1)} s  ${where}`,
      );
      for (const warning of warnings) sayWrapped(`  warning: ${warning}`, process.stderr);
    } catch (error) {
      if (!isOfThisFit(error)) throw error;
      failed.push(name);
      outcomes.push({ name, status: 'failed', error: error.message });
      sayWrapped(`${name}: ${error.message}`, process.stderr);
    }
  }
  if (json) sayJson({ object: 'list', data: outcomes });
  if (failed.length === 0) await journal.end();
  else {
    throw new ApiError(
      `${failed.length} of ${list.length} fits failed: ${failed.join(', ')}; the same command tries these again`,
      1,
    );
  }
}

/** Whether another fit may well work: a server that is gone, busy or refuses the key fails them all. */
function isOfThisFit(error: unknown): error is Error {
  if (error instanceof Interrupted) return false;
  if (error instanceof ApiError) return error.exitCode !== 3;
  return error instanceof SteerdError && error.status < 500;
}
