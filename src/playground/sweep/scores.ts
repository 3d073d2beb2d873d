/**
 * Which answers of a sweep are best: by the harmonic mean of what an answer shows of the concept, as a share of the most that any
 * answer of the sweep shows, and of its fluency, which halves with every nat per token that it is less likely than the plain answer
 * and falls with how much more it repeats itself. The calibration's C and F, without told answers to compare with.
 */
import type { Sweep } from '../../schemas/measurements.js';

export type SweptAnswer = Sweep['data'][number];

export interface Scored extends SweptAnswer {
  /** From 0 to 1; null where nothing states the concept. */
  readonly shown: number | null;
  /** From 0 to 1; null for an empty answer. */
  readonly fluency: number | null;
  readonly together: number | null;
  /** The best steered answer to its prompt by its concept. */
  readonly best: boolean;
}

const cellOf = ({ prompt, concept }: SweptAnswer) => `${prompt} ${concept}`;

/** @param answers with one at strength 0 for each prompt and concept */
export function scored(answers: readonly SweptAnswer[]): Scored[] {
  const plain = new Map(answers.filter(({ strength }) => strength === 0).map((one) => [cellOf(one), one]));
  const gain = (one: SweptAnswer): number | null => {
    const before = plain.get(cellOf(one))?.evidence ?? null;
    return one.evidence === null || before === null ? null : one.evidence - before;
  };
  const most = new Map<string, number>();
  for (const one of answers) most.set(one.concept, Math.max(most.get(one.concept) ?? 0, gain(one) ?? 0));
  const rows = answers.map((one) => {
    const gained = gain(one);
    const top = most.get(one.concept) ?? 0;
    const shown = gained === null ? null : top > 0 ? Math.max(0, gained / top) : 0;
    const fluency = fluencyOf(one, plain.get(cellOf(one)));
    const together =
      shown === null || fluency === null ? null : shown * fluency === 0 ? 0 : 2 / (1 / shown + 1 / fluency);
    return { ...one, shown, fluency, together, best: false };
  });
  const best = new Map<string, Scored>();
  for (const row of rows) {
    if (row.strength === 0 || !row.together) continue;
    if (row.together > (best.get(cellOf(row))?.together ?? 0)) best.set(cellOf(row), row);
  }
  return rows.map((row) => ({ ...row, best: best.get(cellOf(row)) === row }));
}

function fluencyOf(one: SweptAnswer, plain: SweptAnswer | undefined): number | null {
  if (one.log_probability === null || plain === undefined || plain.log_probability === null) return null;
  const less = Math.max(0, plain.log_probability - one.log_probability);
  return 0.5 ** less * Math.min(1, one.distinct_2 / Math.max(plain.distinct_2, 1e-6));
}

export interface StrengthMean {
  readonly strength: number;
  readonly shown: number | null;
  readonly fluency: number | null;
  readonly together: number | null;
}

/** Means of one concept's answers by strength. */
export function meansOf(rows: readonly Scored[], concept: string): StrengthMean[] {
  const strengths = [...new Set(rows.map(({ strength }) => strength))].sort((a, b) => a - b);
  return strengths.map((strength) => {
    const these = rows.filter((row) => row.concept === concept && row.strength === strength);
    const mean = (field: 'shown' | 'fluency' | 'together') => {
      const known = these.flatMap((row) => row[field] ?? []);
      return known.length === 0 ? null : known.reduce((a, b) => a + b) / known.length;
    };
    return { strength, shown: mean('shown'), fluency: mean('fluency'), together: mean('together') };
  });
}

/** The strength whose answers are best on average; null where nothing tells. */
export function bestStrength(means: readonly StrengthMean[]): number | null {
  const steered = means.filter(({ strength, together }) => strength !== 0 && together);
  const best = steered.reduce<StrengthMean | null>(
    (a, b) => (a === null || (b.together ?? 0) > (a.together ?? 0) ? b : a),
    null,
  );
  return best?.strength ?? null;
}
