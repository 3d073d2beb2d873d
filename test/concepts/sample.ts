/** Concepts and folders for tests. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Concept, createConcept } from '../../src/concepts/concept.js';

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
