/** What a concept's fit and calibration measured, as its figures need it. Every part may be missing: old files, imports. */
import type { ConceptObject } from '../../schemas/concepts.js';
import { fieldsOf, listOf, numberOf, textOf } from './measured.js';

export const curveParts = ['concept', 'fluency', 'harmonic'] as const;
export type CurvePart = (typeof curveParts)[number];

/** A value of the curve over strengths: C, F or H. */
export interface CurvePoint {
  readonly strength: number;
  readonly part: CurvePart;
  readonly value: number;
}

export interface StrengthCurve {
  /** What was measured. */
  readonly points: readonly CurvePoint[];
  /** The calibration's smooth curves through it, from strength 0 on; empty where it kept none. */
  readonly lines: readonly CurvePoint[];
}

/** Strengths at which a smooth curve is drawn. */
const steps = 60;

export function curveOf({ calibration: { details } }: ConceptObject): StrengthCurve {
  const measured = listOf(details.curve).flatMap((point) => {
    const strength = numberOf(point.strength);
    return strength === null ? [] : [{ strength, point }];
  });
  const points = measured.flatMap(({ strength, point }) =>
    curveParts.flatMap((part) => {
      const value = numberOf(point[part]);
      return value === null ? [] : [{ strength, part, value }];
    }),
  );
  const one = numberOf(details.share);
  const smooth = fieldsOf(details.smooth);
  const [concept, fluency, instruction] = ['concept', 'fluency', 'instruction'].map((name) =>
    sigmoidOf(smooth[name]),
  );
  const most = Math.max(...measured.map(({ strength }) => strength), numberOf(details.max_strength) ?? 0);
  if (one === null || !fluency || !instruction || most <= 0) return { points, lines: [] };
  const lines = Array.from({ length: steps }, (_, i) => (most * (i + 1)) / steps).flatMap((strength) => {
    const share = strength * one;
    const values = [concept, fluency, instruction].flatMap((curve) => (curve ? [curve(share)] : []));
    const harmonic = values.some((value) => value <= 0)
      ? 0
      : values.length / values.reduce((sum, value) => sum + 1 / value, 0);
    return [
      ...(concept ? [{ strength, part: 'concept', value: concept(share) } as const] : []),
      { strength, part: 'fluency', value: fluency(share) } as const,
      { strength, part: 'harmonic', value: harmonic } as const,
    ];
  });
  return { points, lines };
}

/** y = top / (1 + (middle / share)^slope), between 0 and 1. */
function sigmoidOf(value: unknown): ((share: number) => number) | null {
  const { top, middle, slope } = fieldsOf(value);
  const [t, m, s] = [numberOf(top), numberOf(middle), numberOf(slope)];
  if (t === null || m === null || s === null) return null;
  return (share) => Math.min(1, Math.max(0, t / (1 + (m / share) ** s)));
}

export interface Sample {
  readonly question: string;
  readonly plain: string;
  readonly steered: string;
  readonly strength: number;
}

export const samplesOf = ({ calibration }: ConceptObject): readonly Sample[] =>
  listOf(calibration.details.samples).map(({ question, plain, steered, strength }) => ({
    question: textOf(question),
    plain: textOf(plain),
    steered: textOf(steered),
    strength: numberOf(strength) ?? 1,
  }));

export const layerParts = ['AUROC', 'validation r'] as const;

/** By layer: how well it tells told answers from neutral ones, and the fit's own correlation. */
export function layersOf({ readings, details }: ConceptObject) {
  const rows: { layer: number; value: number; part: (typeof layerParts)[number] }[] = [];
  readings?.auroc.forEach((value, layer) => {
    if (layer > 0) rows.push({ layer, value, part: 'AUROC' });
  });
  for (const row of listOf(details.layers)) {
    const [layer, r] = [numberOf(row.layer), numberOf(row.validation_r)];
    if (layer !== null && r !== null) rows.push({ layer, value: Math.abs(r), part: 'validation r' });
  }
  return rows;
}

export interface SideEffect {
  readonly strength: number;
  /** Share of simple facts that are still right. */
  readonly facts: number | null;
  /** Share of the JSON that was asked for and is valid. */
  readonly json: number | null;
  /** Change in log-probability of neutral texts, nats per token. */
  readonly neutral: number | null;
}

export const sideEffectsOf = ({ calibration }: ConceptObject): readonly SideEffect[] =>
  listOf(fieldsOf(calibration.details.side_effects).strengths).flatMap((row) => {
    const strength = numberOf(row.strength);
    if (strength === null) return [];
    return [
      {
        strength,
        facts: numberOf(fieldsOf(row.facts_still_right).share),
        json: numberOf(fieldsOf(row.valid_json).share),
        neutral: numberOf(fieldsOf(row.neutral_log_probability_change).mean),
      },
    ];
  });

/** What the calibration found, in a few numbers. */
export function summaryOf({ calibration: { details }, max_strength }: ConceptObject) {
  const scores = fieldsOf(details.scores);
  const names = ['concept', 'fluency', 'instruction', 'harmonic'] as const;
  return {
    scores: names.flatMap((name) => {
      const value = numberOf(scores[name]);
      return value === null ? [] : [{ name, value }];
    }),
    max: max_strength ?? null,
    onset: numberOf(details.onset_strength),
    suppressed: numberOf(fieldsOf(details.suppression).suppressed),
  };
}
