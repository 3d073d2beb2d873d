/** What the files of the shipped concepts say of themselves, as a table: strength, its interval, and how well it repeats. */
import { Random } from '../../src/common/random.js';
import type { Concept } from '../../src/concepts/concept.js';
import { bestShare, strengthCurve } from '../../src/fitting/measure/strength-curve.js';
import { recomputed } from '../fitting/measure/recomputed.js';

export interface ConceptFigures {
  readonly name: string;
  readonly share: number;
  readonly interval: readonly [number, number];
  readonly scores: Readonly<Record<'concept' | 'fluency' | 'instruction' | 'harmonic', number>>;
  /** Of told answers, and of those at the measured share nearest to strength 1. */
  readonly toldIdentified: number;
  readonly max: number;
  readonly weak: boolean;
  /** Strength 1 by the odd questions over that by the even ones, at least 1. */
  readonly retest: number;
  /** Share of the told evidence gone at strength -1. */
  readonly suppressed: number | null;
  /** The same under full ablation, and what that leaves of plain answers' fluency. */
  readonly ablated: { readonly removed: number; readonly fluency: number } | null;
  /** Share of the questions of fact still right at strength 1. */
  readonly factsRight: number | null;
}

interface Details {
  readonly share: number;
  readonly share_interval: readonly [number, number];
  readonly max_strength: number;
  readonly weak?: boolean;
  readonly scores: ConceptFigures['scores'];
  readonly told: { readonly identified: number } | null;
  readonly suppression: { readonly suppressed: number } | null;
  readonly side_effects: {
    readonly strengths: readonly {
      readonly strength: number;
      readonly facts_still_right: { share: number };
    }[];
  };
}

export function figuresOf({
  name,
  calibration,
  readings,
}: Pick<Concept, 'name' | 'calibration' | 'readings'>): ConceptFigures {
  const details = calibration.details as unknown as Details;
  return {
    name,
    share: details.share,
    interval: details.share_interval,
    scores: details.scores,
    toldIdentified: details.told?.identified ?? Number.NaN,
    max: details.max_strength,
    weak: details.weak ?? false,
    retest: retestOf(calibration.details),
    suppressed: details.suppression?.suppressed ?? null,
    ablated: readings?.ablate ?? null,
    factsRight:
      details.side_effects.strengths.find(({ strength }) => strength === 1)?.facts_still_right.share ?? null,
  };
}

type Half = (question: number) => boolean;
const even: Half = (question) => question % 2 === 0;

/**
 * Two disjoint halves of the questions, each by itself with its own references: how far apart they put strength 1, as a
 * factor of at least 1. From the stored answers at the stored shares: what was measured is the same for both.
 */
export function retestOf(details: Readonly<Record<string, unknown>>, inFirst: Half = even): number {
  const { steered, reference } = recomputed(details);
  const half = (first: boolean) => {
    const of = <Answer extends { readonly question: number }>(answers: readonly Answer[]) =>
      answers.filter(({ question }) => inFirst(question) === first);
    const points = steered.map((point) => ({ ...point, answers: of(point.answers) }));
    const references = { plain: of(reference.plain), told: of(reference.told) };
    return bestShare(
      strengthCurve(points, references),
      points.map(({ share }) => share),
    );
  };
  const [a, b] = [half(true), half(false)];
  return Math.max(a, b) / Math.min(a, b);
}

/** A factor by which two halves may differ. */
const alike = 1.25;
const randomHalves = 100;

/** For how many concepts two halves of the questions agree: odd and even, first and last, and random ones. */
export function retestLine(all: readonly Pick<Concept, 'calibration'>[]): string {
  const agreeing = (halfOf: (questions: number) => Half) =>
    all.filter(({ calibration: { details } }) => {
      const { length } = (details as unknown as { questions: readonly string[] }).questions;
      return retestOf(details, halfOf(length)) < alike;
    }).length;
  const random = new Random(1);
  const drawn = Array.from({ length: randomHalves }, () => {
    const order = Array.from({ length: 64 }, () => random.uniform());
    return agreeing((count) => {
      const some = order.slice(0, count);
      const middle = [...some].sort((a, b) => a - b)[count >> 1] as number;
      return (question) => (some[question] as number) < middle;
    });
  }).sort((a, b) => a - b);
  const mean = drawn.reduce((sum, count) => sum + count, 0) / drawn.length;
  return [
    `strength 1 by two halves of the questions within a factor of ${alike}, of ${all.length} concepts:`,
    `odd and even ${agreeing(() => even)},`,
    `first and last ${agreeing((count) => (question) => question < count / 2)},`,
    `${randomHalves} random halves ${mean.toFixed(1)} on average and ${drawn[randomHalves / 10]} at the 10th percentile`,
  ].join(' ');
}

const percent = (value: number | null) =>
  value === null || Number.isNaN(value) ? '-' : `${Math.round(value * 100)} %`;

/** Markdown. */
export function figuresTable(all: readonly ConceptFigures[]): string {
  const rows = all.map(
    ({ name, share, interval, scores, max, retest, suppressed, ablated, factsRight }) =>
      `| \`${name}\` | ${percentOf(share)} (${interval.map(percentOf).join(' to ')}) | ${[scores.concept, scores.fluency, scores.instruction].map((score) => score.toFixed(2)).join(' | ')} | **${scores.harmonic.toFixed(2)}** | ${max.toFixed(2)} | ${retest.toFixed(2)} | ${percent(suppressed)} | ${percent(ablated?.removed ?? null)} (${ablated?.fluency.toFixed(2) ?? '-'}) | ${percent(factsRight)} |`,
  );
  return [
    '| concept | strength 1 moves the stream by (95 %) | C | F | I | H | max | halves | gone at -1 | `ablate` (F) | facts |',
    '|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|',
    ...rows,
  ].join('\n');
}

const percentOf = (share: number) => `${(share * 100).toFixed(2)} %`;
