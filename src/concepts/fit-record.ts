/**
 * What a concept's record says of its fit's layers, read back from its details, and how layers compare by it. A record
 * may be of another recipe, or foreign.
 */
import { z } from 'zod';
import type { Concept } from './concept.js';

const LayerRecord = z.looseObject({
  layer: z.int(),
  /** Correlation of the projections with the labels. */
  r: z.number().optional(),
  validation_r: z.number().nullish(),
  /** Share of the heads that attend to the prefix. */
  significant_heads: z.number().optional(),
});
type LayerRecord = z.output<typeof LayerRecord>;

/** What recipe `attention` writes down of the tokens it chose among. */
const AttentionRecord = z.looseObject({
  /** [N] offsets from a prompt's end. */
  candidates: z.array(z.int()).min(1),
  /** [N] token ids. */
  candidate_ids: z.array(z.int()),
  /** [L] the candidate read at each layer, as its offset. */
  chosen: z.array(z.int()),
  /**
   * [L][N] attention of each candidate to the prefix: the maximum over the selection prompts of the mean over heads.
   * Null when the token was fixed by the request.
   */
  map: z.array(z.array(z.number())).nullable(),
});
export type AttentionRecord = z.output<typeof AttentionRecord>;

/** By layer; null when the fit recorded nothing of its layers. */
export function layerRecords({ record }: Concept): ReadonlyMap<number, LayerRecord> | null {
  const { success, data } = z.array(LayerRecord).safeParse(record.details.layers);
  return success ? new Map(data.map((entry) => [entry.layer, entry])) : null;
}

/** Null when the recipe measured no attention. */
export function attentionRecord({ record, layers }: Concept): AttentionRecord | null {
  const { success, data } = AttentionRecord.safeParse(record.details.attention);
  if (!success || data.candidate_ids.length !== data.candidates.length) return null;
  if (data.chosen.length !== layers) return null;
  const { map } = data;
  const whole =
    map === null || (map.length === layers && map.every((row) => row.length === data.candidates.length));
  return whole ? data : null;
}

/** What a fit or an import recorded for whoever uses the concept: sentences, none where there is nothing to say. */
export function recordedWarnings({ warnings }: Readonly<Record<string, unknown>>): string[] {
  return Array.isArray(warnings) ? warnings.filter((warning) => typeof warning === 'string') : [];
}

/**
 * The `count` layers with the highest scores, ascending.
 * @param scores by layer
 * @param otherwise by layer: the higher goes first among equal scores
 * @param candidates the layers to choose among
 */
export function topLayers(
  count: number,
  scores: readonly number[],
  otherwise: readonly number[],
  candidates: readonly number[],
): number[] {
  const value = (values: readonly number[], layer: number) => values[layer] ?? 0;
  return [...candidates]
    .sort((a, b) => value(scores, b) - value(scores, a) || value(otherwise, b) - value(otherwise, a) || a - b)
    .slice(0, count)
    .sort((a, b) => a - b);
}
