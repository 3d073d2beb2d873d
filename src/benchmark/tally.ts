/**
 * Sums over records, taken one by one in any order: all that figures need, in a few hundred bytes for each concept,
 * variant and point however long the answers are. Sums are of whole numbers (millionths), so that no order of adding
 * changes a digit.
 */
import { harmonicMean, type Scores, scoresOf } from '../fitting/measure/steering-scores.js';
import { keyOf } from './concepts.js';
import type {
  AnswerRecord,
  BenchRecord,
  FitRecord,
  JudgementRecord,
  JudgeScoreName,
  Point,
} from './records.js';
import { judgedOf } from './scores.js';

const unit = 1e6;
/** The mean of values that were added. */
class Mean {
  n = 0;
  #sum = 0;

  add(value: number | null): void {
    if (value === null) return;
    this.n++;
    this.#sum += Math.round(value * unit);
  }

  get value(): number | null {
    return this.n === 0 ? null : this.#sum / unit / this.n;
  }
}

/** What an external judge said of the answers of one group. */
export class JudgeMeans {
  readonly success = new Mean();
  readonly concept = new Mean();
  readonly instruction = new Mean();
  readonly fluency = new Mean();
  /** AxBench's: the harmonic mean of the three of each answer. */
  readonly harmonic = new Mean();
  /** Scores that no reply gave. */
  unknown = 0;
}

/** The answers of one concept at one point, or its plain or told ones. */
export class Group {
  readonly success = new Mean();
  readonly identified = new Mean();
  readonly #evidence = new Mean();
  readonly #logProbability = new Mean();
  readonly #relevance = new Mean();
  readonly #distinct2 = new Mean();
  readonly failed = new Mean();
  readonly judges = new Map<string, JudgeMeans>();

  constructor(
    readonly concept: string,
    readonly group: string,
    readonly way: AnswerRecord['way'],
    readonly variant: string | null,
    readonly point: Point | null,
  ) {}

  add({ reading, success }: AnswerRecord): void {
    this.success.add(Number(success));
    this.identified.add(reading.identified === null ? null : Number(reading.identified));
    this.#evidence.add(reading.evidence);
    this.#logProbability.add(reading.log_probability);
    // As the score of many answers takes it: one that failed answers nothing.
    this.#relevance.add(reading.failed ? 0 : reading.relevance);
    this.#distinct2.add(reading.distinct_2);
    this.failed.add(Number(reading.failed));
  }

  get answers(): number {
    return this.success.n;
  }

  /** One answer that stands for all: the scores of many are functions of their means. */
  #mean() {
    return judgedOf({
      evidence: this.#evidence.value,
      log_probability: this.#logProbability.value ?? 0,
      relevance: this.#relevance.value ?? 0,
      distinct_2: this.#distinct2.value ?? 0,
      failed: false,
    });
  }

  /** C, F, I and H; null without answers, here or of the plain model. */
  scores(plain: Group | undefined, told: Group | undefined): Scores | null {
    if (this.answers === 0 || plain === undefined || plain.answers === 0) return null;
    const known = told !== undefined && told.answers > 0;
    return scoresOf([this.#mean()], { plain: [plain.#mean()], told: known ? [told.#mean()] : [] });
  }
}

/** What an external judge cost. */
export interface JudgeUse {
  judgements: number;
  cached: number;
  malformed: number;
  unknown: number;
  retries: number;
  prompt_tokens: number;
  completion_tokens: number;
}

type FitSums = Pick<FitRecord, 'concept' | 'class' | 'variant' | 'error'> & {
  readonly weak: boolean | null;
  readonly seconds: number;
};

const axbench: readonly JudgeScoreName[] = ['concept', 'instruction', 'fluency'];

/** Three marks from 0 to 2 of each cell, in a byte of it: of a million answers of which a judge gave some marks alone, a megabyte. */
class MarksOfCells {
  #marks = new Uint8Array(1024);

  /** @returns all three, when this one was the last of them */
  add(cell: number, place: number, mark: number): number[] | null {
    if (![0, 1, 2].includes(mark)) return null;
    if (cell >= this.#marks.length) {
      const more = new Uint8Array(Math.max(cell + 1, 2 * this.#marks.length));
      more.set(this.#marks);
      this.#marks = more;
    }
    const before = this.#marks[cell] as number;
    // 0 stands for none; of two marks the last counts.
    const now = (before & ~(3 << (2 * place))) | ((mark + 1) << (2 * place));
    this.#marks[cell] = now;
    const all = axbench.map((_, i) => ((now >> (2 * i)) & 3) - 1);
    return now !== before && all.every((one) => one >= 0) ? all : null;
  }
}

export class Tally {
  readonly groups = new Map<string, Group>();
  /** The last of each concept and variant. */
  readonly fits = new Map<string, FitSums>();
  readonly use = new Map<string, JudgeUse>();
  /** AxBench's scores so far, by judge. */
  readonly #marks = new Map<string, MarksOfCells>();

  add(record: BenchRecord): void {
    if (record.kind === 'answer') this.groupOf(record).add(record);
    else if (record.kind === 'judgement') this.#judgement(record);
    else {
      const { concept, class: group, variant, error, calibration, seconds } = record;
      this.fits.set(`${keyOf({ class: group, name: concept })}\n${variant}`, {
        concept,
        class: group,
        variant,
        error,
        weak: calibration?.weak ?? null,
        seconds: seconds.fit + seconds.calibrate,
      });
    }
  }

  groupOf({
    concept,
    class: group,
    way,
    variant,
    point,
  }: Pick<AnswerRecord, 'concept' | 'class' | 'way' | 'variant' | 'point'>): Group {
    const key = groupKey(keyOf({ class: group, name: concept }), way, variant, point);
    let known = this.groups.get(key);
    if (known === undefined) {
      known = new Group(concept, group, way, variant, point);
      this.groups.set(key, known);
    }
    return known;
  }

  #judgement(record: JudgementRecord): void {
    const { judge, score_name: name, score, cell } = record;
    const use = this.use.get(judge) ?? { ...noUse };
    this.use.set(judge, use);
    use.judgements++;
    use.cached += Number(record.cached);
    use.malformed += record.malformed;
    use.unknown += Number(score === null);
    use.retries += record.retries;
    use.prompt_tokens += record.prompt_tokens;
    use.completion_tokens += record.completion_tokens;
    const { judges } = this.groupOf(record);
    const means = judges.get(judge) ?? new JudgeMeans();
    judges.set(judge, means);
    if (score === null) {
      means.unknown++;
      return;
    }
    means[name].add(score);
    const place = axbench.indexOf(name);
    if (place < 0) return;
    const marks = this.#marks.get(judge) ?? new MarksOfCells();
    this.#marks.set(judge, marks);
    const all = marks.add(cell, place, score);
    if (all !== null) means.harmonic.add(harmonicMean(all));
  }
}

const noUse: JudgeUse = {
  judgements: 0,
  cached: 0,
  malformed: 0,
  unknown: 0,
  retries: 0,
  prompt_tokens: 0,
  completion_tokens: 0,
};

export const groupKey = (
  concept: string,
  way: AnswerRecord['way'],
  variant: string | null,
  point: Point | null,
): string => [concept, way, variant ?? '', point === null ? '' : `${point.scale} ${point.value}`].join('\n');
