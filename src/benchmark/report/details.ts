/**
 * What a report needs of a run's records beside the summary, gathered as they stream by, in any order: fits without their warnings, what
 * answers are taken for, and the texts of few answers.
 */

import { Random } from '../../common/random.js';
import { isFixed } from '../plan.js';
import type { AnswerRecord, BenchRecord, FitRecord, Run } from '../records.js';
import type { Confusion, Example } from './data.js';

/** Texts kept of each variant and kind. */
const examplesEach = 4;

/** Those of the lowest ranks are kept. */
interface Kept {
  readonly example: Example;
  readonly cell: number;
  readonly rank: number;
}

export class Details {
  readonly counts = { fits: 0, failed: 0, answers: 0, judgements: 0 };
  readonly #seconds = { fits: 0, answers: 0, judging: 0 };
  /** By concept, class and variant: the last one. */
  readonly #fits = new Map<string, FitRecord>();
  /** By variant (or `told`), asked class and explained class. */
  readonly #confusion = new Map<string, number>();
  readonly #kept = new Map<string, readonly Kept[]>();

  constructor(private readonly run: Run) {}

  add(record: BenchRecord): void {
    if (record.kind === 'answer') this.#addAnswer(record);
    else if (record.kind === 'fit') {
      this.counts.fits++;
      if (record.error !== null) this.counts.failed++;
      this.#seconds.fits += record.seconds.fit + record.seconds.calibrate;
      this.#fits.set(keyOfFit(record), record);
    } else {
      this.counts.judgements++;
      this.#seconds.judging += record.seconds;
    }
  }

  /** In the order of concepts and variants, whatever that of the records was. */
  get fits(): FitRecord[] {
    return [...this.#fits].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, fit]) => fit);
  }

  fitOf(about: {
    readonly concept: string;
    readonly class: string;
    readonly variant: string;
  }): FitRecord | undefined {
    return this.#fits.get(keyOfFit(about));
  }

  get confusion(): Confusion[] {
    return [...this.#confusion]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, answers]) => {
        const [variant, asked, explained] = JSON.parse(key) as [string, string, string];
        return { variant, asked, explained, answers };
      });
  }

  /** Whole ones: sums of fractions differ with their order. */
  get seconds() {
    const { fits, answers, judging } = this.#seconds;
    return { fits: Math.round(fits), answers: Math.round(answers), judging: Math.round(judging) };
  }

  /** The best of what succeeded, the worst of what failed, and some drawn of all at strength 1, variant by variant. */
  examples(kind: 'good' | 'bad' | 'drawn'): Example[] {
    return this.run.variants.flatMap(({ id }) =>
      (this.#kept.get(`${kind} ${id}`) ?? []).map(({ example }) => example),
    );
  }

  #addAnswer(record: AnswerRecord): void {
    this.counts.answers++;
    this.#seconds.answers += record.seconds;
    const { reading, way, point } = record;
    const where = way === 'told' ? 'told' : record.variant;
    if (reading.explained_by !== null && where !== null) {
      const key = JSON.stringify([where, record.class, reading.explained_by.class]);
      this.#confusion.set(key, (this.#confusion.get(key) ?? 0) + 1);
    }
    if (way === 'steered' && point !== null && isFixed(point)) this.#keep(record);
  }

  #keep(record: AnswerRecord): void {
    const { variant, concept, success, answer, cell } = record;
    const example: Example = {
      variant: variant ?? '',
      ...{ concept, class: record.class, answer, success },
      prompt: this.#promptOf(record),
      harmonic: record.scores.harmonic,
    };
    const { harmonic } = example;
    this.#keepAmong(`${success ? 'good' : 'bad'} ${variant}`, {
      ...{ example, cell },
      rank: success ? -harmonic : harmonic,
    });
    // Numbers of their own stand for lots: the same are drawn whatever the order of the records.
    const rank = new Random(this.run.options.seed * 2 ** 20 + cell).uniform();
    this.#keepAmong(`drawn ${variant}`, { example, cell, rank });
  }

  #keepAmong(key: string, one: Kept): void {
    const kept = [...(this.#kept.get(key) ?? []), one].sort((a, b) => a.rank - b.rank || a.cell - b.cell);
    this.#kept.set(key, kept.slice(0, examplesEach));
  }

  #promptOf({ concept, class: className, prompt }: AnswerRecord): string {
    const own = this.run.concepts.find((one) => one.name === concept && one.class === className)?.prompts;
    return (own ?? this.run.texts.prompts[className])?.[prompt] ?? '';
  }
}

const keyOfFit = ({
  concept,
  class: className,
  variant,
}: {
  concept: string;
  class: string;
  variant: string;
}) => JSON.stringify([className, concept, variant]);
