/** What a report is drawn from, and what lies beside it as report.json: plain numbers, each computed from the records of a run. */
import type { Estimate } from '../bootstrap.js';
import type { Point, Run } from '../records.js';
import type { Measure } from '../summary.js';

export type { Estimate };

/** A middle with what is around it. */
export interface Spread {
  /** A mean, or a median. */
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** One cell of the table: a way to make vectors, or answers without any. */
export interface Group {
  readonly judge: string;
  /** A variant's id, `plain` or `told`. */
  readonly variant: string;
  readonly class: string;
  readonly concepts: number;
  /** Success at strength 1; of plain and told answers, simply theirs. */
  readonly fixed: Estimate | null;
  /** At each concept's own best point, chosen by the same judge on the same answers: an oracle's. Null for plain and told. */
  readonly oracle: Estimate | null;
  /** Harmonic mean of the judge's three scores, 0 to 2, at strength 1; null where it gave none, as the built-in one. */
  readonly harmonic: Estimate | null;
}

export interface CurvePoint {
  readonly variant: string;
  readonly class: string;
  readonly point: Point;
  readonly concepts: number;
  /** By judge. */
  readonly success: Readonly<Record<string, number | null>>;
  /** Means over the concepts of C, F, I and H (src/fitting/measure/steering-scores.ts). */
  readonly concept: number | null;
  readonly fluency: number | null;
  readonly instruction: number | null;
  readonly harmonic: number | null;
}

/** Another way beside the first of the run, concept by concept. */
export interface Beside {
  readonly judge: string;
  readonly measure: Measure;
  /** The first way, and the other. */
  readonly base: string;
  readonly variant: string;
  /** What is another in it, in words. */
  readonly changed: string;
  readonly class: string;
  /** At strength 1, or at each concept's own best point in either way. */
  readonly at: 'fixed' | 'oracle';
  /** Means over the concepts that both have. */
  readonly base_mean: number;
  readonly variant_mean: number;
  /** The other less the first: mean over those concepts, with an interval from resampling them. */
  readonly difference: Estimate;
}

export interface LayerRow {
  readonly variant: string;
  readonly layer: number;
  readonly fits: number;
  /** Median and quartiles of the area under the ROC curve; null where no fit knows it. */
  readonly auroc: Spread | null;
  readonly coefficient: number | null;
  /** How many fits read which token, by its offset. */
  readonly tokens: Readonly<Record<string, number>>;
}

export interface Confusion {
  /** A variant's id at strength 1, or `told`. */
  readonly variant: string;
  readonly asked: string;
  readonly explained: string;
  readonly answers: number;
}

export interface SideEffect {
  readonly variant: string;
  /** `unsteered`, `0.5`, `1` or `largest`. */
  readonly strength: string;
  readonly fits: number;
  readonly facts: number | null;
  readonly json: number | null;
  /** Nats per token that neutral texts gain. */
  readonly neutral: number | null;
}

export interface ConceptRow {
  readonly concept: string;
  readonly class: string;
  readonly variant: string;
  readonly judge: string;
  readonly plain: number | null;
  readonly told: number | null;
  readonly fixed: number | null;
  readonly oracle: number | null;
  readonly best: Point | null;
  readonly share: number | null;
  readonly max_strength: number | null;
  readonly weak: boolean | null;
  readonly error: string | null;
}

export interface Example {
  readonly variant: string;
  readonly concept: string;
  readonly class: string;
  readonly prompt: string;
  readonly answer: string;
  readonly success: boolean;
  readonly harmonic: number;
}

export interface ReportData {
  readonly object: 'benchmark.report';
  readonly format: 1;
  readonly run: Run;
  readonly judges: readonly string[];
  readonly classes: readonly string[];
  readonly counts: {
    readonly fits: number;
    readonly failed: number;
    readonly answers: number;
    readonly judgements: number;
  };
  /** Of everything, and what the judge counted. */
  readonly seconds: { readonly fits: number; readonly answers: number; readonly judging: number };
  readonly judge_tokens: number;
  readonly groups: readonly Group[];
  /** Empty where there is one way. */
  readonly beside: readonly Beside[];
  readonly curves: readonly CurvePoint[];
  readonly layers: readonly LayerRow[];
  readonly confusion: readonly Confusion[];
  readonly side_effects: readonly SideEffect[];
  readonly concepts: readonly ConceptRow[];
  readonly examples: {
    readonly good: readonly Example[];
    readonly bad: readonly Example[];
    /** As they come: drawn among all at strength 1, whether they succeed or not. */
    readonly drawn: readonly Example[];
  };
}
