/** Strength 1 from what a calibration stored and nothing else: what anyone can do with a concept's details. */
import type { JudgedAnswer } from '../../../src/fitting/measure/steering-scores.js';
import {
  bestShare,
  largestShare,
  type Steered,
  strengthCurve,
  usualBound,
} from '../../../src/fitting/measure/strength-curve.js';

type Row = readonly (number | null)[];

interface Stored {
  readonly bound: { readonly fluency: number; readonly divergence: number | null };
  readonly curve: readonly { readonly share: number; readonly divergence_95: number | null }[];
  readonly answers: {
    readonly columns: readonly string[];
    readonly plain: readonly Row[];
    readonly told: readonly Row[];
    readonly steered: readonly Row[];
    readonly told_and_steered: readonly Row[];
  };
}

export function recomputed(details: Readonly<Record<string, unknown>>) {
  const { answers, curve: points, bound } = details as unknown as Stored;
  const value = (row: Row, column: string) => {
    const at = answers.columns.indexOf(column);
    if (at < 0) throw new Error(`no column ${column}`);
    return row[at] as number | null;
  };
  const judged = (row: Row): JudgedAnswer => ({
    question: value(row, 'question') as number,
    sampled: value(row, 'sampled') === 1,
    evidence: value(row, 'evidence'),
    identified: value(row, 'identified') === null ? null : value(row, 'identified') === 1,
    logProbability: value(row, 'log_probability') as number,
    relevance: value(row, 'relevance') as number,
    distinct2: value(row, 'distinct_2') as number,
    failed: value(row, 'failed') === 1,
  });
  const reference = { plain: answers.plain.map(judged), told: answers.told.map(judged) };
  const shares = [...new Set(answers.steered.map((row) => value(row, 'share') as number))];
  const steered = shares.map(
    (share): Steered => ({
      share,
      answers: answers.steered.filter((row) => value(row, 'share') === share).map(judged),
      divergence: points.find((point) => point.share === share)?.divergence_95 ?? null,
    }),
  );
  const curve = strengthCurve(steered, reference);
  const one = bestShare(curve, shares);
  const most = largestShare(
    curve,
    steered,
    { fluency: bound.fluency, divergence: bound.divergence ?? usualBound.divergence },
    one,
  );
  return { one, most, curve, reference, steered };
}
