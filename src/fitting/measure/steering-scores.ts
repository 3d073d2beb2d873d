/**
 * What answers are worth, as three scores between 0 and 1 and their harmonic mean (the aggregation of AxBench,
 * arXiv 2501.17148, without its judge model: the unsteered model reads the answers instead).
 *
 * - C, the concept: evidence against decoys, as a share of what the model shows when it is told the concept.
 * - F, fluency: half for every nat per token that answers are less likely than the worse of plain and told ones (by
 *   reading, one nat is about where sentences come apart), times how much more they repeat themselves than plain ones.
 * - I, the instruction: whether an answer still answers its own question rather than another, as a share of the worse of
 *   plain and told answers: an answer that is told to speak of the sea says less of the question too, and that is the
 *   concept and no fault of the steering. A refusal or an answer in another language counts as none.
 *
 * Pure arithmetic over judged answers; judge.ts has the model read them.
 */

/** One answer as the unsteered model reads it. Log-probabilities are means over the answer's tokens, in nats. */
export interface JudgedAnswer {
  /** Index of its question. */
  readonly question: number;
  /** Greedy or drawn at a temperature: compared with plain answers of the same kind only. */
  readonly sampled: boolean;
  /** log p(answer | own message) - log mean over decoys of p(answer | decoy), per token; null where nothing states it, or nothing else is stated. */
  readonly evidence: number | null;
  /** Whether the own message explains the answer better than every decoy does; null where evidence is. */
  readonly identified: boolean | null;
  /** log (p(token | plain prompt) / 2 + p(token | told prompt) / 2). */
  readonly logProbability: number;
  /** log p(answer | its own question) - log mean over other questions. */
  readonly relevance: number;
  /** Share of pairs of tokens that are different. */
  readonly distinct2: number;
  /** The answer refuses, is empty, or is in another language than its question. */
  readonly failed: boolean;
}

/** Plain and told answers to the same questions: what scores are shares of. */
export interface ReferenceAnswers {
  readonly plain: readonly JudgedAnswer[];
  /** Empty where nothing states the concept. */
  readonly told: readonly JudgedAnswer[];
}

export interface Scores {
  /** Null where the concept is not stated, and nothing tells how much of it there is. */
  readonly concept: number | null;
  readonly fluency: number;
  readonly instruction: number;
  /** Harmonic mean of those that are known. */
  readonly harmonic: number;
}

/** Evidence that a told model shows at the least, in nats per token: below, shares of it would be shares of noise. */
export const leastEvidence = 0.1;
/** Margin over other questions that plain answers have at the least, for the same reason. */
const leastRelevance = 0.05;

export function scoresOf(answers: readonly JudgedAnswer[], reference: ReferenceAnswers): Scores {
  const concept = conceptScore(answers, reference);
  const fluency = fluencyOf(answers, reference);
  const instruction = instructionScore(answers, reference);
  const known = concept === null ? [fluency, instruction] : [concept, fluency, instruction];
  return { concept, fluency, instruction, harmonic: harmonicMean(known) };
}

/** 0 when any is 0. */
export function harmonicMean(values: readonly number[]): number {
  return values.some((value) => value <= 0)
    ? 0
    : values.length / values.reduce((sum, value) => sum + 1 / value, 0);
}

/** Of told over plain answers, per token: what C is a share of. */
export function toldEvidence({ plain, told }: ReferenceAnswers): number | null {
  const [with_, without] = [told, plain].map((answers) => meanOf(answers.map(({ evidence }) => evidence)));
  if (with_ == null || without == null) return null;
  return with_ - without;
}

function conceptScore(answers: readonly JudgedAnswer[], reference: ReferenceAnswers): number | null {
  const told = toldEvidence(reference);
  const shown = meanOf(answers.map(({ evidence }) => evidence));
  const without = meanOf(reference.plain.map(({ evidence }) => evidence));
  if (told === null || shown === null || without === null) return null;
  return share((shown - without) / Math.max(told, leastEvidence));
}

type Fluent = Pick<JudgedAnswer, 'sampled' | 'logProbability' | 'distinct2'>;

/** F alone, which a glance is enough for. */
export function fluencyOf(
  answers: readonly Fluent[],
  { plain, told }: { readonly plain: readonly Fluent[]; readonly told: readonly Fluent[] },
): number {
  const kinds = [false, true].filter((sampled) => answers.some((answer) => answer.sampled === sampled));
  const scores = kinds.map((sampled) => {
    const of = (list: readonly Fluent[]) => list.filter((answer) => answer.sampled === sampled);
    const likelihood = (list: readonly Fluent[]) =>
      meanOf(of(list).map(({ logProbability }) => logProbability));
    const unsteered = likelihood(plain) ?? 0;
    const worst = Math.min(unsteered, likelihood(told) ?? unsteered);
    const distinct = (list: readonly Fluent[]) => meanOf(of(list).map(({ distinct2 }) => distinct2)) ?? 1;
    const drop = Math.max(0, worst - (likelihood(answers) ?? Number.NEGATIVE_INFINITY));
    // Plain answers that are all empty have no pairs to compare with.
    return 2 ** -drop * share(distinct(answers) / Math.max(distinct(plain), Number.EPSILON));
  });
  return kinds.length === 0 ? 0 : scores.reduce((sum, score) => sum + score, 0) / kinds.length;
}

function instructionScore(answers: readonly JudgedAnswer[], { plain, told }: ReferenceAnswers): number {
  const relevance = (list: readonly JudgedAnswer[]) =>
    meanOf(list.map((answer) => (answer.failed ? 0 : answer.relevance)));
  const unsteered = relevance(plain) ?? 0;
  const worst = Math.min(unsteered, relevance(told) ?? unsteered);
  return share((relevance(answers) ?? 0) / Math.max(worst, leastRelevance));
}

const share = (value: number) => Math.min(1, Math.max(0, value));

/** Mean of what is known; null when nothing is. */
export function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}
