/** A brief calibration: enough to tell which of several concepts of one statement is best, not what its strength 1 is. */
import type { Concept } from '../../concepts/concept.js';
import { residualNormsOf } from './residual-norms.js';
import { short } from './short.js';
import { meanOf, type Scores } from './steering-scores.js';
import { type Share, scoresAt } from './strength-curve.js';
import { findStrength, type TriedShare } from './strength-search.js';
import type { Selection, StrengthTrials } from './strength-trials.js';
import { editAt, unitEdit } from './unit-edit.js';

/** Where the scores are best together. To four significant digits. */
export interface BriefTrial {
  /** What a glance preferred, for a calibration to go on from. */
  readonly near: Share | null;
  readonly share: Share;
  readonly scores: Scores;
  /** Share of the answers that the concept's message explains better than any decoy does; null without a message. */
  readonly identified: number | null;
}

/** Greedy answers alone, to so many of the questions, read after so many of the decoys. */
const questions = 8;
const decoys = 4;
/** Factors of the share that a glance prefers, judged in full. */
const around = [0.85, 1.2] as const;
const extensions = 1;

/**
 * @param trials of the concept's statement, shared by all that are compared
 * @param before of the same directions in another profile: where to look is known then
 * @throws what the engine throws; the signal's reason when aborted
 */
export async function tryBriefly(
  concept: Concept,
  trials: StrengthTrials,
  before: BriefTrial | null = null,
): Promise<BriefTrial> {
  const { model, signal } = trials.settings;
  const residualNorms = await residualNormsOf(concept, model, trials.judge.plain, signal);
  const unit = unitEdit(concept, residualNorms);
  const selection: Selection = {
    questions: trials.everything.questions.slice(0, questions),
    sampled: false,
    decoys,
  };
  const { curve, one, steered, near } = await findStrength(trials, {
    editAt: (share) => editAt(concept, unit, share),
    selection,
    around,
    near: before?.near,
    extensions,
  });
  const distance = ({ share }: TriedShare) => Math.abs(Math.log(share / one));
  const nearest = steered.reduce((best, point) => (distance(point) < distance(best) ? point : best));
  const identified = meanOf(
    nearest.answers.map((answer) => (answer.identified === null ? null : Number(answer.identified))),
  );
  const scores = scoresAt(curve, one);
  return {
    near,
    share: short(one),
    scores: {
      concept: scores.concept === null ? null : short(scores.concept),
      fluency: short(scores.fluency),
      instruction: short(scores.instruction),
      harmonic: short(scores.harmonic),
    },
    identified: identified === null ? null : short(identified),
  };
}
