/**
 * What a report needs of a run's records, gathered as they stream by, in any order: numbers of every answer, texts of few. The memory is
 * some hundred bytes an answer, whatever its length.
 */
import type { JudgedAnswer } from '../../fitting/measure/steering-scores.js';
import type { AnswerRecord, BenchRecord, FitRecord, JudgementRecord, Point, Run } from '../records.js';
import { builtIn, type Example } from './data.js';

/** Answers of one concept in one way at one point. */
export class Cell {
  readonly readings: JudgedAnswer[] = [];
  /** By judge: success of each answer, by its number. */
  readonly success = new Map<string, Map<number, number>>();
  /** By judge: the three scores of each answer, 0 to 2. */
  readonly marks = new Map<string, Map<number, Partial<Record<Mark, number>>>>();
}

type Mark = 'concept' | 'instruction' | 'fluency';

/** All that is known of one concept. */
export class ConceptTally {
  readonly plain = new Cell();
  readonly told = new Cell();
  /** By variant, then by point. */
  readonly steered = new Map<string, Map<string, { readonly point: Point; readonly cell: Cell }>>();
  readonly fits = new Map<string, FitRecord>();

  constructor(
    readonly name: string,
    readonly className: string,
  ) {}
}

export const keyOf = ({ scale, value }: Point): string => `${scale} ${value}`;
export const isFixed = ({ scale, value }: Point): boolean => scale === 'strength' && value === 1;

/** Texts kept of each variant and kind. */
const examplesEach = 4;

export class Tally {
  readonly concepts = new Map<string, ConceptTally>();
  readonly judges = new Set<string>([builtIn]);
  /** By variant (or `told`), asked class and explained class. */
  readonly confusion = new Map<string, number>();
  readonly counts = { fits: 0, failed: 0, answers: 0, judgements: 0 };
  readonly seconds = { fits: 0, answers: 0, judging: 0 };
  judgeTokens = 0;
  readonly #kept = new Map<string, { readonly example: Example; readonly cell: number }[]>();

  constructor(private readonly run: Run) {
    for (const { name, class: className } of run.concepts) this.#of(name, className);
  }

  add(record: BenchRecord): void {
    if (record.kind === 'fit') this.#addFit(record);
    else if (record.kind === 'answer') this.#addAnswer(record);
    else this.#addJudgement(record);
  }

  /** The best of what succeeded and the worst of what failed at strength 1, variant by variant. */
  examples(kind: 'good' | 'bad'): Example[] {
    return this.run.variants.flatMap(({ id }) =>
      (this.#kept.get(`${kind} ${id}`) ?? []).map(({ example }) => example),
    );
  }

  #of(concept: string, className: string): ConceptTally {
    const key = `${className}/${concept}`;
    const known = this.concepts.get(key) ?? new ConceptTally(concept, className);
    this.concepts.set(key, known);
    return known;
  }

  #cell(record: AnswerRecord | JudgementRecord): Cell {
    const concept = this.#of(record.concept, record.class);
    const { way, variant, point } = record;
    if (way !== 'steered' || variant === null || point === null)
      return concept[way === 'told' ? 'told' : 'plain'];
    const points = concept.steered.get(variant) ?? new Map();
    concept.steered.set(variant, points);
    const known = points.get(keyOf(point)) ?? { point, cell: new Cell() };
    points.set(keyOf(point), known);
    return known.cell;
  }

  #addFit(record: FitRecord): void {
    this.counts.fits++;
    if (record.error !== null) this.counts.failed++;
    this.seconds.fits += record.seconds.fit + record.seconds.calibrate;
    this.#of(record.concept, record.class).fits.set(record.variant, record);
  }

  #addAnswer(record: AnswerRecord): void {
    this.counts.answers++;
    this.seconds.answers += record.seconds;
    const { reading, success } = record;
    const cell = this.#cell(record);
    cell.readings.push({
      question: record.prompt,
      sampled: this.run.options.temperature > 0,
      evidence: reading.evidence,
      identified: reading.identified,
      logProbability: reading.log_probability,
      relevance: reading.relevance,
      distinct2: reading.distinct_2,
      failed: reading.failed,
    });
    note(cell.success, builtIn, record.cell, success ? 1 : 0);
    const where = record.way === 'told' ? 'told' : record.variant;
    if (reading.explained_by !== null && where !== null) {
      const key = JSON.stringify([where, record.class, reading.explained_by.class]);
      this.confusion.set(key, (this.confusion.get(key) ?? 0) + 1);
    }
    if (record.way === 'steered' && record.point !== null && isFixed(record.point)) this.#keep(record);
  }

  #addJudgement(record: JudgementRecord): void {
    this.counts.judgements++;
    this.seconds.judging += record.seconds;
    this.judgeTokens += record.prompt_tokens + record.completion_tokens;
    this.judges.add(record.judge);
    const { score, score_name: name, judge } = record;
    if (score === null) return;
    const cell = this.#cell(record);
    if (name === 'success') note(cell.success, judge, record.cell, score);
    else {
      const marks = cell.marks.get(judge) ?? new Map<number, Partial<Record<Mark, number>>>();
      cell.marks.set(judge, marks);
      marks.set(record.cell, { ...marks.get(record.cell), [name]: score });
    }
  }

  #keep(record: AnswerRecord): void {
    const { variant, concept, success, answer, cell } = record;
    const key = `${success ? 'good' : 'bad'} ${variant}`;
    const example: Example = {
      variant: variant ?? '',
      ...{ concept, class: record.class, answer, success },
      prompt: this.#promptOf(record),
      harmonic: record.scores.harmonic,
    };
    const sign = success ? -1 : 1;
    const kept = [...(this.#kept.get(key) ?? []), { example, cell }].sort(
      (a, b) => sign * (a.example.harmonic - b.example.harmonic) || a.cell - b.cell,
    );
    this.#kept.set(key, kept.slice(0, examplesEach));
  }

  #promptOf({ concept, class: className, prompt }: AnswerRecord): string {
    const own = this.run.concepts.find((one) => one.name === concept && one.class === className)?.prompts;
    return (own ?? this.run.texts.prompts[className])?.[prompt] ?? '';
  }
}

function note(by: Map<string, Map<number, number>>, judge: string, cell: number, value: number): void {
  const values = by.get(judge) ?? new Map<number, number>();
  by.set(judge, values);
  values.set(cell, value);
}
