/**
 * A run from its first cell to its last: fits every concept in every way, asks its prompts, reads the answers and has them
 * judged. Whatever is finished is on the disk before the next of it begins, and is not done again when the run goes on
 * after a kill. What is held in memory does not grow with the number of answers.
 */
import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import type { BenchApi } from './client.js';
import { ConceptRun } from './concept-run.js';
import { keyOf } from './concepts.js';
import { JudgeCache } from './judge-cache.js';
import { JudgeClient, type JudgeSettings } from './judge-client.js';
import { Judging } from './judging.js';
import { PlainAnswers } from './plain-answers.js';
import { Cells, type Finished, NumberSet } from './plan.js';
import { type Progress, ProgressMeter } from './progress.js';
import { RecordWriter, readRecords } from './record-file.js';
import { type AnswerRecord, type BenchRecord, judgeCacheFolder, type Run } from './records.js';
import { Backlog, Slots } from './slots.js';
import { type Summary, summaryOf } from './summary.js';
import { Tally } from './tally.js';

export interface BenchmarkSettings {
  readonly api: BenchApi;
  /** Others of the same model, each with processors of its own: concepts are shared out among all, as each gets free. */
  readonly others?: readonly BenchApi[] | undefined;
  /** Its head is written, and no other process works in it. */
  readonly folder: string;
  readonly run: Run;
  readonly judge?: JudgeSettings | undefined;
  readonly judgeCache?: string | undefined;
  /** Answers at once, of each API. */
  readonly inFlight: number;
  /** Whether the fitted concepts stay in the service. */
  readonly keep?: boolean;
  readonly onProgress?: (what: string, progress: Progress) => void;
  /** Hears of records that are on the disk; the run goes on when it resolves, and ends when it rejects. */
  readonly onRecords?: (records: readonly BenchRecord[]) => Promise<void>;
}

/** Concepts at once of each API: while one is fitted the answers of another are written, so that neither waits for the other. */
const conceptsAtOnce = 2;
/** Answers that may wait for the judge before others are written. */
const mostUnjudged = 256;

/** @throws what the service or the judge throws; the signal's reason. What is finished stays on the disk. */
export async function runBenchmark(settings: BenchmarkSettings): Promise<Summary> {
  return summaryOf(settings.run, await workThrough(settings));
}

/** The same without the summary, whose resamplings take seconds. */
export async function workThrough(settings: BenchmarkSettings): Promise<Tally> {
  const { api, others = [], folder, run } = settings;
  const cells = new Cells(run);
  const scores = run.options.judge?.scores ?? [];
  const finished: Finished = {
    cells: new NumberSet(cells.total),
    fits: new NumberSet(run.concepts.length * run.variants.length),
    impossible: new NumberSet(run.concepts.length * run.variants.length),
  };
  const places = placesOf(run);
  const plain = new PlainAnswers(run);
  const tally = new Tally();
  const meter = new ProgressMeter(run, cells.total, cells.total * scores.length);
  const failed = new AbortController();
  const signal = AbortSignal.any([api.signal, failed.signal]);
  // Every request under way listens to it.
  setMaxListeners(0, signal);
  // Opened first: it cuts off what was torn.
  const writer = await RecordWriter.open(folder);
  const judging =
    settings.judge &&
    new Judging(
      run,
      cells,
      new JudgeClient(settings.judge, new JudgeCache(settings.judgeCache ?? join(folder, judgeCacheFolder))),
    );
  const backlog = new Backlog(mostUnjudged, (error) => failed.abort(error));
  try {
    for await (const record of readRecords(folder)) note(record, true);
    const append = async (records: readonly BenchRecord[]) => {
      await writer.append(records);
      for (const record of records) note(record, false);
      await settings.onRecords?.(records);
    };
    const judge = (record: AnswerRecord) =>
      backlog.add(async () => {
        if (judging === undefined || judging.isJudged(record.cell)) return;
        await append(await judging.judgementsOf(record, signal));
        settings.onProgress?.('', meter.now);
      });
    meter.start();
    if (judging !== undefined)
      for await (const record of readRecords(folder)) if (record.kind === 'answer') await judge(record);
    const services = [api, ...others].map((one) => ({ api: one, slots: new Slots(settings.inFlight) }));
    await eachOf(run.concepts.length, conceptsAtOnce * services.length, signal, async (index, worker) => {
      const own = worker % services.length;
      const work = new ConceptRun({
        ...{ folder, run, cells, finished, plain, append, index, signal },
        places: [...services.slice(own), ...services.slice(0, own)],
        keep: settings.keep ?? false,
        onAnswers: async (records) => {
          for (const record of records) await judge(record);
          settings.onProgress?.(keyOf(run.concepts[index] as Run['concepts'][number]), meter.now);
        },
        onStage: (what) => settings.onProgress?.(what, meter.now),
      });
      await work.finish();
    }).catch((error: unknown) => {
      // The first failure is the one to tell; a backlog's has aborted the rest.
      throw failed.signal.aborted ? failed.signal.reason : error;
    });
    await backlog.drain();
    return tally;
  } finally {
    if (!signal.aborted) failed.abort(new Error('the run has ended'));
    // Marks that have come are written down.
    await backlog.settle();
    await writer.close();
  }

  function note(record: BenchRecord, before: boolean): void {
    if (record.kind === 'answer' && !finished.cells.add(record.cell)) return;
    if (record.kind === 'fit') {
      const place = places(record);
      if (place !== null) {
        finished.fits.add(place);
        if (record.error !== null) finished.impossible.add(place);
      }
    }
    if (record.kind === 'answer') plain.note(record);
    if (record.kind === 'judgement') judging?.note(record);
    tally.add(record);
    meter.add(record, before);
  }
}

/** The place of a fit among all; null for one of another run. */
function placesOf(run: Run) {
  const concepts = new Map(run.concepts.map((concept, index) => [keyOf(concept), index]));
  const variants = new Map(run.variants.map(({ id }, index) => [id, index]));
  return ({ concept, class: group, variant }: { concept: string; class: string; variant: string }) => {
    const at = concepts.get(keyOf({ class: group, name: concept }));
    const of = variants.get(variant);
    return at === undefined || of === undefined ? null : at * run.variants.length + of;
  };
}

/**
 * Works on 0 to `count` - 1, at most `limit` at a time; after a failure none begins, and it ends when none is running.
 * @param work hears which of the `limit` does it
 */
async function eachOf(
  count: number,
  limit: number,
  signal: AbortSignal,
  work: (index: number, worker: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failure: { readonly error: unknown } | null = null;
  const worker = async (_: unknown, number: number) => {
    while (next < count && failure === null && !signal.aborted) {
      try {
        await work(next++, number);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, count) }, worker));
  if (failure !== null) throw (failure as { readonly error: unknown }).error;
  signal.throwIfAborted();
}
