/** What a calibration keeps of its measurement, as JSON: what strengths mean, and every answer's values to recompute it. */
import { short } from './short.js';
import type { SideEffects } from './side-effects.js';
import { meanOf, type ReferenceAnswers, type Scores, scoresOf, toldEvidence } from './steering-scores.js';
import {
  onsetShare,
  type Share,
  type StrengthBound,
  type StrengthCurve,
  scoresAt,
} from './strength-curve.js';
import type { TriedShare } from './strength-search.js';
import type { References, StrengthTrials, TriedAnswer } from './strength-trials.js';
import type { Suppression } from './suppression.js';

interface Measured {
  readonly trials: StrengthTrials;
  readonly reference: References;
  readonly steered: readonly TriedShare[];
  readonly curve: StrengthCurve;
  readonly one: Share;
  readonly most: Share;
  readonly interval: readonly [Share, Share];
  readonly opposite: Suppression | null;
  readonly bound: StrengthBound;
  /** Null where strength alone was measured. */
  readonly sideEffects: SideEffects | null;
}

/** Below, a reader hardly sees the concept at strength 1. */
export const weakConcept = 0.25;
/** A told model that shows less than this, in nats per token, or is recognised in fewer answers, does not follow. */
const leastFollowed = { evidence: 0.05, identified: 0.3 } as const;

export function calibrationDetails(measured: Measured): Readonly<Record<string, unknown>> {
  const { trials, reference, steered, curve, one, most, interval, opposite, bound } = measured;
  const { model, statement, questions, maxTokens } = trials.settings;
  const scores = scoresAt(curve, one);
  const told = toldOf(reference);
  const text = (answer: TriedAnswer | undefined) =>
    answer && model.tokenizer.decode(answer.tokens, { skipSpecialTokens: true });
  return {
    share: short(one),
    share_interval: interval.map(short),
    negative_share: short(opposite?.share ?? one),
    max_strength: short(most / one),
    ...(scores.concept === null ? {} : { weak: scores.concept < weakConcept }),
    scores: fieldsOf(scores),
    told,
    onset_strength: nullable(
      onsetShare(
        curve,
        steered.map(({ share }) => share),
      ),
      (share) => share / one,
    ),
    suppression: opposite && {
      suppressed: short(opposite.suppressed),
      fluency: short(opposite.fluency),
      curve: opposite.measured.map(({ share, suppressed, fluency }) => ({
        share,
        suppressed: short(suppressed),
        fluency: short(fluency),
      })),
    },
    bound: {
      fluency: bound.fluency,
      divergence: Number.isFinite(bound.divergence) ? bound.divergence : null,
    },
    curve: steered.map(({ share, answers, divergence }) => ({
      share,
      strength: short(share / one),
      ...fieldsOf(scoresOf(answers, reference)),
      identified: identifiedOf(answers),
      divergence_95: nullable(divergence, (value) => value),
    })),
    smooth: { concept: curve.concept, fluency: curve.fluency, instruction: curve.instruction },
    samples: sampleAnswers(measured, text),
    side_effects: measured.sideEffects,
    prefix: statement?.own ?? '',
    prefix_role: trials.judge.role,
    decoys: statement?.decoys ?? [],
    questions,
    max_tokens: maxTokens,
    answers: {
      columns: answerColumns,
      plain: reference.plainAnswers.map((answer) => row(0, answer)),
      told: reference.toldAnswers.map((answer) => row(0, answer)),
      steered: steered.flatMap(({ share, tried }) => tried.map((answer) => row(share, answer))),
      told_and_steered: (opposite?.measured ?? []).flatMap(({ share, tried }) =>
        tried.map((answer) => row(-share, answer)),
      ),
    },
  };
}

/** What the model shows when it is simply told, and whether it follows at all; null where nothing tells it. */
function toldOf(reference: ReferenceAnswers) {
  const evidence = toldEvidence(reference);
  const identified = identifiedOf(reference.told);
  if (evidence === null || identified === null) return null;
  const follows = evidence >= leastFollowed.evidence && identified >= leastFollowed.identified;
  return { evidence: short(evidence), identified, follows };
}

function identifiedOf(answers: readonly { readonly identified: boolean | null }[]): number | null {
  return nullable(
    meanOf(answers.map(({ identified }) => (identified === null ? null : Number(identified)))),
    (share) => share,
  );
}

/** Two questions, plain and at the measured share nearest to strength 1. */
function sampleAnswers(
  { reference, steered, one, trials }: Measured,
  text: (answer: TriedAnswer | undefined) => string | undefined,
) {
  const distance = ({ share }: TriedShare) => Math.abs(Math.log(share / one));
  const nearest = steered.reduce((a, b) => (distance(b) < distance(a) ? b : a));
  return trials.everything.questions.slice(0, 2).map((question) => {
    const first = (answers: readonly TriedAnswer[]) =>
      answers.find((answer) => answer.question === question && !answer.sampled);
    return {
      question: trials.settings.questions[question],
      strength: short(nearest.share / one),
      plain: text(first(reference.plainAnswers)),
      steered: text(first(nearest.tried)),
    };
  });
}

const fieldsOf = ({ concept, fluency, instruction, harmonic }: Scores) => ({
  concept: nullable(concept, (value) => value),
  fluency: short(fluency),
  instruction: short(instruction),
  harmonic: short(harmonic),
});

/** Of a row of `answers`. */
export const answerColumns: readonly string[] = [
  'share',
  'question',
  'sampled',
  'evidence',
  'identified',
  'log_probability',
  'relevance',
  'distinct_2',
  'failed',
];

const row = (share: Share, { judged }: TriedAnswer) => [
  share,
  judged.question,
  Number(judged.sampled),
  nullable(judged.evidence, (value) => value),
  judged.identified === null ? null : Number(judged.identified),
  short(judged.logProbability),
  short(judged.relevance),
  short(judged.distinct2),
  Number(judged.failed),
];

const nullable = (value: number | null, of: (value: number) => number) =>
  value === null ? null : short(of(value));
