/** Concepts and folders for tests. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Concept, createConcept } from '../../src/concepts/concept.js';
import type { Readings } from '../../src/concepts/readings.js';

/** Mulberry32: the same numbers in [0, 1) for the same seed, on every machine. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface SampleOptions {
  readonly seed?: number;
  readonly model?: string;
  readonly layers?: number;
  readonly hiddenSize?: number;
  readonly details?: Record<string, unknown>;
}

/** The fields of a concept with random unit rows; row 0 and its coefficient are zero. */
export function sampleFields(name: string, options: SampleOptions = {}): Omit<Concept, 'version'> {
  const { seed = 1, model = 'tiny', layers = 4, hiddenSize = 8, details = {} } = options;
  const random = seededRandom(seed);
  const vectors = new Float32Array(layers * hiddenSize);
  for (let layer = 1; layer < layers; layer++) {
    const row = Float64Array.from({ length: hiddenSize }, () => random() * 2 - 1);
    const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    vectors.set(
      row.map((value) => value / norm),
      layer * hiddenSize,
    );
  }
  return {
    name,
    model,
    modelFingerprint: 'f'.repeat(64),
    layers,
    hiddenSize,
    vectors,
    residualNorms: Float32Array.from({ length: layers }, (_, layer) => 10 + layer),
    calibration: {
      method: 'test',
      coefficients: Float32Array.from({ length: layers }, (_, layer) => (layer === 0 ? 0 : 0.5 + random())),
      negativeRatio: 1.25,
      details: {},
    },
    record: { recipe: 'responses', method: 'mean_difference', prefix: `Be ${name}.`, seed, details },
    readings: null,
  };
}

/** Neutral answers read -8 - l at block l, told ones 2 (l + 1) more; nothing at block 0, which has no vector. */
export function sampleReadings(layers = 4, change: Partial<Readings> = {}): Readings {
  const each = (value: (layer: number) => number) =>
    Array.from({ length: layers }, (_, layer) => (layer === 0 ? 0 : value(layer)));
  return {
    neutral: { mean: each((layer) => -8 - layer), spread: each((layer) => 1 + layer / 4) },
    told: { mean: each((layer) => layer - 6), spread: each(() => 2) },
    auroc: Array.from({ length: layers }, (_, layer) => (layer === 0 ? 0.5 : 0.6 + 0.1 * Math.min(layer, 3))),
    bestLayer: layers - 1,
    toldBy: 'message',
    tokens: { neutral: 40, told: 50 },
    clamp: { layers: [1, 2], unit: each((layer) => 2 * (layer + 1)) },
    ...change,
  };
}

export function sampleConcept(name: string, options: SampleOptions = {}): Concept {
  return createConcept(sampleFields(name, options));
}

/** A folder that is gone when the test is. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'steerd-concepts-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
