/** How far a run is, how long it will take, and what it shows so far. */
import { timeWords } from '../common/time-words.js';
import { keyOf } from './concepts.js';
import { isFixed } from './plan.js';
import type { BenchRecord, Run } from './records.js';

export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly judged: number;
  readonly toJudge: number;
  /** Seconds; null until enough is known. */
  readonly left: number | null;
  /** Success so far at strength 1, by variant: `null` where none is answered. */
  readonly estimates: readonly { readonly variant: string; readonly success: number | null }[];
}

/**
 * A fit takes as long as so many answers with their reading, about. By answers alone the first of a run, which need no fit, would
 * promise an end that is far off.
 */
const fitAsAnswers = { none: 10, glance: 20, brief: 35, full: 200 } as const;

/** Of what was done before this process a rate says nothing: only this one's own cells count. */
export class ProgressMeter {
  #before = 0;
  #done = 0;
  #fits = 0;
  #fitsBefore = 0;
  #judged = 0;
  #judgedBefore = 0;
  #started = performance.now();
  readonly #success = new Map<string, { n: number; sum: number }>();

  /**
   * @param total cells
   * @param toJudge judgements; 0 without a judge
   */
  constructor(
    private readonly run: Run,
    private readonly total: number,
    private readonly toJudge: number,
  ) {}

  /** @param before of an earlier process */
  add(record: BenchRecord, before = false): void {
    if (record.kind === 'judgement') {
      this.#judged++;
      if (before) this.#judgedBefore++;
    }
    if (record.kind === 'fit') {
      this.#fits++;
      if (before) this.#fitsBefore++;
    }
    if (record.kind !== 'answer') return;
    this.#done++;
    if (before) this.#before++;
    if (record.point === null || !isFixed(record.point)) return;
    const key = record.variant ?? '';
    const sum = this.#success.get(key) ?? { n: 0, sum: 0 };
    this.#success.set(key, { n: sum.n + 1, sum: sum.sum + Number(record.success) });
  }

  /** Work begins: what came before is no part of the rate. */
  start(): void {
    this.#started = performance.now();
  }

  get now(): Progress {
    const seconds = (performance.now() - this.#started) / 1000;
    const { concepts, variants, options } = this.run;
    const each = fitAsAnswers[options.calibration];
    const done = this.#done - this.#before + each * (this.#fits - this.#fitsBefore);
    const rest = this.total - this.#done + each * (concepts.length * variants.length - this.#fits);
    const answered = leftOf(done, rest, seconds);
    const judged = leftOf(this.#judged - this.#judgedBefore, this.toJudge - this.#judged, seconds);
    return {
      done: this.#done,
      total: this.total,
      judged: this.#judged,
      toJudge: this.toJudge,
      left: slower(answered, judged),
      estimates: this.run.variants.map(({ id }) => {
        const of = this.#success.get(id);
        return { variant: id, success: of === undefined ? null : of.sum / of.n };
      }),
    };
  }
}

/** The slower of the two says when it ends; of what is not known yet nothing is said where nothing else is left. */
function slower(answered: number | null, judged: number | null): number | null {
  if (answered === null) return null;
  if (judged === null) return answered > 0 ? answered : null;
  return Math.max(answered, judged);
}

function leftOf(done: number, rest: number, seconds: number): number | null {
  if (rest <= 0) return 0;
  return done === 0 ? null : (seconds / done) * rest;
}

/** One line for people. */
export function shownProgress({ done, total, judged, toJudge, left, estimates }: Progress): string {
  const parts = [`${done} of ${total} answers`];
  if (toJudge > 0) parts.push(`${judged} of ${toJudge} judged`);
  if (left !== null && left > 0) parts.push(`${timeWords(left)} left`);
  const known = estimates.flatMap(({ variant, success }) =>
    success === null ? [] : [`${variant} ${Math.round(100 * success)} %`],
  );
  if (known.length > 0) parts.push(`success at 1 so far: ${known.slice(0, 3).join(', ')}`);
  return parts.join('; ');
}

/** What a line of progress is about. */
export const titleOf = (concept: Run['concepts'][number]): string => keyOf(concept);
