/**
 * What a recipe read last: methods, profiles and layers are compared on the same activations (an ablation, a table of methods), so
 * a fit that asks for them again within minutes takes them as they are. They are the same numbers: reading is deterministic.
 */
import { createHash } from 'node:crypto';
import { RecentMap } from '../common/recent-map.js';
import type { ModelShape } from '../engine/protocol.js';
import type { FitSettings } from './fit-settings.js';
import type { LabelledFeatures } from './recipes/recipe.js';

/** Bytes for one model: two fits of 200 texts of each side of a small one; a large one's are not kept at all. */
const mostBytes = 64 * 2 ** 20;
/** Milliseconds after the last that was kept or taken: memory is not held for a fit that never comes. */
const keptFor = 120_000;

interface Known {
  features: RecentMap<LabelledFeatures>;
  forget: NodeJS.Timeout;
}

/** A model's shape is one object however its engine is wrapped for a caller. */
const known = new WeakMap<ModelShape, Known>();

/**
 * What `read` gives, or gave for the same.
 * @throws what `read` throws; then nothing is kept
 */
export async function featuresOnce(
  settings: FitSettings,
  shape: ModelShape,
  read: () => Promise<LabelledFeatures>,
): Promise<LabelledFeatures> {
  const key = keyOf(settings);
  const before = known.get(shape);
  const features = before?.features.get(key) ?? (await read());
  const held = known.get(shape);
  clearTimeout(held?.forget);
  const kept = held?.features ?? new RecentMap<LabelledFeatures>(mostBytes);
  kept.set(key, features, bytesOf(features));
  const forget = setTimeout(() => known.delete(shape), keptFor);
  forget.unref();
  known.set(shape, { features: kept, forget });
  return features;
}

/** All that a recipe may look at; what follows it (method, profile, layers, calibration) and the name are left out. */
function keyOf({
  name: _,
  method: __,
  profile: ___,
  layers: ____,
  calibrate: _____,
  ...read
}: FitSettings): string {
  return createHash('sha256').update(JSON.stringify(read)).digest('base64');
}

const bytesOf = ({ layers, softLabels }: LabelledFeatures): number =>
  [...layers, ...(softLabels ?? [])].reduce((sum, { byteLength }) => sum + byteLength, 0);
