/** What a concept's calibration measured, as the figures of its card need it. Every part may be missing: old files, imports. */
import type { ConceptObject } from '../../schemas/concepts.js';

/** A point of the curve over strengths: means of C, F and H. */
export interface CurvePoint {
  readonly strength: number;
  readonly concept: number;
  readonly fluency: number;
  readonly harmonic: number;
}

export interface Sample {
  readonly question: string;
  readonly plain: string;
  readonly steered: string;
  readonly strength: number;
}

const listOf = <Item>(value: unknown): readonly Item[] => (Array.isArray(value) ? (value as Item[]) : []);

export const curveOf = ({ calibration }: ConceptObject): readonly CurvePoint[] =>
  listOf<CurvePoint>(calibration.details.curve).filter(({ harmonic }) => Number.isFinite(harmonic));

export const samplesOf = ({ calibration }: ConceptObject): readonly Sample[] =>
  listOf<Sample>(calibration.details.samples);

/** By layer: how well it tells told answers from neutral ones, and the fit's own correlation. */
export function layersOf({ readings, details }: ConceptObject) {
  const rows: { layer: number; value: number; what: string }[] = [];
  readings?.auroc.forEach((value, layer) => {
    if (layer > 0) rows.push({ layer, value, what: 'AUROC' });
  });
  for (const { layer, validation_r: r } of listOf<{ layer: number; validation_r?: number }>(details.layers))
    if (typeof r === 'number') rows.push({ layer, value: Math.abs(r), what: 'validation r' });
  return rows;
}
