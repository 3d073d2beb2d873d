/**
 * Finds strength 1 of a concept: a glance at many shares with few answers shows where text begins to come apart, full
 * judgements of the answers around that place give the curve. What is measured beyond the first shares depends on what
 * was seen, and on nothing else: the same concept gives the same search.
 */
import type { ActivationEdit } from '../../engine/protocol.js';
import type { Glance } from './judge.js';
import { at, fallingCurve, risingCurve } from './sigmoid.js';
import { fluencyOf, harmonicMean, meanOf } from './steering-scores.js';
import {
  bestShare,
  peakShare,
  type Share,
  type Steered,
  type StrengthCurve,
  strengthCurve,
} from './strength-curve.js';
import type { References, Selection, StrengthTrials, TriedAnswer } from './strength-trials.js';

export interface TriedShare extends Steered {
  readonly tried: readonly TriedAnswer[];
}

interface StrengthFound {
  /** By share, ascending. */
  readonly steered: readonly TriedShare[];
  readonly curve: StrengthCurve;
  /** The share of strength 1. */
  readonly one: Share;
  /** What a glance preferred; null where none was taken. */
  readonly near: Share | null;
}

interface SearchSettings {
  readonly editAt: (share: Share) => ActivationEdit;
  /** What is judged in full. */
  readonly selection: Selection;
  /** Factors of the share that the glance prefers. */
  readonly around: readonly number[];
  /** Shares to measure instead of a search. */
  readonly shares?: readonly Share[] | undefined;
  /** What a glance at this concept preferred, where one was taken before. */
  readonly near?: Share | null | undefined;
  /** Shares beyond the first ones, at the most. */
  readonly extensions?: number | undefined;
}

/** Small models' strengths lie among these, whatever the concept and the method. */
const firstShares: readonly Share[] = [0.005, 0.009, 0.016, 0.028];
/** Answers of a glance: it only has to find the place. */
const glanced = 6;
/** Rounds of glances, the first shares' own among them: the others reach strengths nine times the usual ones, or a ninth. */
const mostGlances = 3;
const glanceStep = 3;
/** Where the best lies at an end of what was measured, one more share beyond it, so many times. */
const mostExtensions = 2;
const extension = 1.35;

export async function findStrength(
  trials: StrengthTrials,
  { editAt, selection, around, shares, near, extensions = mostExtensions }: SearchSettings,
): Promise<StrengthFound> {
  const measured: TriedShare[] = [];
  let reference: References | undefined;
  const measure = async (wanted: readonly Share[]) => {
    const answers = await trials.steered(wanted.map(editAt), selection);
    for (const [i, share] of wanted.entries()) {
      const tried = answers[i] as readonly TriedAnswer[];
      measured.push({ share, tried, answers: tried.map(({ judged }) => judged), divergence: null });
    }
    measured.sort((a, b) => a.share - b.share);
  };
  const found = async (near: Share | null): Promise<StrengthFound> => {
    // Not before the first answers: the references are judged with them.
    reference ??= await trials.referencesOf(selection);
    const curve = strengthCurve(measured, reference);
    return {
      near,
      steered: measured,
      curve,
      one: bestShare(
        curve,
        measured.map(({ share }) => share),
      ),
    };
  };
  if (shares !== undefined) {
    await measure([...shares].sort((a, b) => a - b));
    return found(null);
  }
  const middle = near ?? (await glance(trials, editAt, selection.questions.slice(0, glanced)));
  await measure(around.map((factor) => rounded(middle * factor)));
  for (let round = 0; round < extensions; round++) {
    const { curve } = await found(middle);
    const peak = peakShare(
      curve,
      measured.map(({ share }) => share),
    );
    const [first, last] = [measured[0] as TriedShare, measured.at(-1) as TriedShare];
    const inside = peak > first.share && peak < last.share;
    if (inside && !promises(curve, last.share)) break;
    await measure([rounded(peak <= first.share ? first.share / extension : last.share * extension)]);
  }
  return found(middle);
}

/**
 * Whether more of the concept may be had beyond a share whatever the curve says: text is whole there, and much of the
 * concept still missing. A few answers that show it by chance at a small share must not end the search.
 */
const promises = ({ concept, fluency }: StrengthCurve, share: Share): boolean =>
  concept !== null && at(fluency, share) > whole && at(concept, share) < shown;
const whole = 0.7;
const shown = 0.9;

/** The share that greedy answers to a few questions prefer, judged by two reads each. */
export async function glance(
  trials: StrengthTrials,
  editAt: (share: Share) => ActivationEdit,
  questions: Selection['questions'],
): Promise<Share> {
  const few: Selection = { questions, sampled: false };
  const reference = await trials.glancedReferences(few);
  const seen: { readonly share: Share; readonly fluency: number; readonly concept: number | null }[] = [];
  let next = firstShares;
  for (let round = 0; round < mostGlances; round++) {
    const answers = await trials.glanced(next.map(editAt), few);
    for (const [i, share] of next.entries())
      seen.push({ share, ...glancedScores(answers[i] as readonly Glance[], reference) });
    seen.sort((a, b) => a.share - b.share);
    const [low, high] = [seen[0], seen.at(-1)] as [(typeof seen)[0], (typeof seen)[0]];
    if (high.fluency > enough) next = [rounded(high.share * glanceStep)];
    else if (low.fluency < poor) next = [rounded(low.share / glanceStep)];
    else break;
  }
  const points = (y: (point: (typeof seen)[0]) => number) =>
    seen.map((point) => ({ x: point.share, y: y(point), weight: 1 }));
  const fluency = fallingCurve(points((point) => point.fluency));
  const readable = seen.filter((point) => point.fluency >= poor);
  const concept = risingCurve(
    (readable.length >= 2 ? readable : seen).map(({ share, concept: y }) => ({
      x: share,
      y: y ?? 0,
      weight: 1,
    })),
  );
  const known = seen.every((point) => point.concept !== null);
  let best = { share: seen[0]?.share ?? 0, value: -1 };
  for (let i = 0; i <= 100; i++) {
    const from = seen[0]?.share ?? 0;
    const share = from * ((seen.at(-1)?.share ?? from) / from) ** (i / 100);
    const f = at(fluency, share);
    // The answers' relevance is not glanced at; it falls about as their fluency does.
    const value = known
      ? harmonicMean([Math.min(1, at(concept, share)), f, f])
      : -Math.abs(f - unstatedFluency);
    if (i === 0 || value > best.value) best = { share, value };
  }
  return best.share;
}

/** Above, more of the concept may be had; below, the least share tried was too much. */
const enough = 0.6;
const poor = 0.35;
/** Where to look when nothing states the concept. */
const unstatedFluency = 0.8;

export function glancedScores(
  answers: readonly Glance[],
  { plain, told }: { readonly plain: readonly Glance[]; readonly told: readonly Glance[] },
): { fluency: number; concept: number | null } {
  const gain = (list: readonly Glance[]) => meanOf(list.map((answer) => answer.gain));
  const [shown, without, most] = [gain(answers), gain(plain), gain(told)];
  return {
    fluency: fluencyOf(answers, { plain, told }),
    concept:
      shown === null || without === null || most === null
        ? null
        : Math.min(1, Math.max(0, (shown - without) / Math.max(leastGain, most - without))),
  };
}
const leastGain = 0.1;

/** To three significant digits, for people to read. */
const rounded = (share: Share): Share => Number(share.toPrecision(3));
