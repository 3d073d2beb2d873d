/**
 * Strength -1: the concept taken away. The model is told the concept and steered against it; what counts is how much of
 * the told gain goes, and how fluent the answers stay. Without a message to tell it by, both directions are alike.
 */
import type { ActivationEdit } from '../../engine/protocol.js';
import { at, fallingCurve, risingCurve } from './sigmoid.js';
import {
  harmonicMean,
  leastEvidence,
  meanOf,
  type ReferenceAnswers,
  scoresOf,
  toldEvidence,
} from './steering-scores.js';
import type { Share } from './strength-curve.js';
import type { Selection, StrengthTrials, TriedAnswer } from './strength-trials.js';

export interface Suppression {
  /** Of strength -1, positive. */
  readonly share: Share;
  /** Share of the told evidence that is gone there, and the fluency left, on the curves. */
  readonly suppressed: number;
  readonly fluency: number;
  readonly measured: readonly {
    readonly share: Share;
    readonly suppressed: number;
    readonly fluency: number;
    readonly tried: readonly TriedAnswer[];
  }[];
}

/** Of the share of strength 1. */
const around = [0.6, 1.1, 2] as const;

/** @param one the share of strength 1 */
export async function measureSuppression(
  trials: StrengthTrials,
  editAt: (share: Share) => ActivationEdit,
  one: Share,
  selection: Selection,
): Promise<Suppression | null> {
  if (trials.judge.told === null) return null;
  const shares = around.map((factor) => Number((one * factor).toPrecision(3)));
  const edits = shares.map((share) => editAt(-share));
  const reference = await trials.referencesOf(selection);
  const answers = await trials.steered(edits, selection, true);
  const measured = shares.map((share, i) => {
    const tried = answers[i] as readonly TriedAnswer[];
    return { share, tried, ...suppressionOf(tried, reference) };
  });
  const points = (score: (point: (typeof measured)[0]) => number) =>
    measured.map((point) => ({ x: point.share, y: score(point), weight: point.tried.length }));
  const gone = risingCurve(points(({ suppressed }) => suppressed));
  const fluency = fallingCurve(points((point) => point.fluency));
  const grid = Array.from({ length: 101 }, (_, i) => {
    const [first, last] = [shares[0] as Share, shares.at(-1) as Share];
    return first * (last / first) ** (i / 100);
  });
  const value = (share: Share) => harmonicMean([Math.min(1, at(gone, share)), at(fluency, share)]);
  const best = grid.reduce((a, b) => (value(b) > value(a) ? b : a));
  return {
    share: best,
    suppressed: Math.min(1, at(gone, best)),
    fluency: at(fluency, best),
    measured,
  };
}

/**
 * How much of the told evidence answers to told prompts have lost, and how fluent they are.
 * @param reference to the same questions
 */
export function suppressionOf(
  tried: readonly TriedAnswer[],
  reference: ReferenceAnswers,
): { suppressed: number; fluency: number } {
  const judged = tried.map((answer) => answer.judged);
  const told = Math.max(toldEvidence(reference) ?? 0, leastEvidence);
  const left =
    (meanOf(judged.map(({ evidence }) => evidence)) ?? 0) -
    (meanOf(reference.plain.map(({ evidence }) => evidence)) ?? 0);
  return {
    suppressed: Math.min(1, Math.max(0, 1 - left / told)),
    fluency: scoresOf(judged, reference).fluency,
  };
}
