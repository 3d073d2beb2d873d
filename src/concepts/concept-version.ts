/**
 * A concept's version: the SHA-256 of everything it says. First the canonical JSON of its document (UTF-8), then the
 * float32 bytes of `vectors`, `residual_norms` and `calibration`, little-endian. No timestamp takes part: the
 * same fit gives the same version.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../common/canonical-json.js';
import type { Concept } from './concept.js';

/** The part of a concept that is text, as its file keeps it beside the version. */
export function conceptDocument(concept: Omit<Concept, 'version'>): Record<string, unknown> {
  const { method, negativeRatio, details } = concept.calibration;
  return {
    format: 1,
    name: concept.name,
    model: concept.model,
    model_fingerprint: concept.modelFingerprint,
    layers: concept.layers,
    hidden_size: concept.hiddenSize,
    record: concept.record,
    // Left out where both directions are alike, so that files from before there was a ratio keep their version.
    calibration: { method, details, ...(negativeRatio === 1 ? {} : { negative_ratio: negativeRatio }) },
  };
}

export function conceptVersion(concept: Omit<Concept, 'version'>): string {
  const hash = createHash('sha256').update(canonicalJson(conceptDocument(concept)));
  for (const values of [concept.vectors, concept.residualNorms, concept.calibration.coefficients]) {
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest('hex');
}
