/** Features with a direction in them that is known, and the reference fit. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeSafetensors } from '../../../src/checkpoint/safetensors.js';
import { packageRoot } from '../../../src/common/package.js';
import { Random } from '../../../src/common/random.js';
import type { LayerFeatures } from '../../../src/fitting/methods/labelled-rows.js';

export interface SyntheticOptions {
  readonly n?: number;
  readonly hiddenSize?: number;
  readonly positives?: number;
  /** Distance between the classes in units of the noise's deviation. */
  readonly effect?: number;
  readonly soft?: boolean;
  readonly seed?: number;
}

/**
 * Rows base + noise + effect * label * direction, positives and negatives in turn (as far as there are as many).
 * Soft labels vary within the positives, and with them how much of the direction a row has.
 */
export function syntheticExamples(options: SyntheticOptions = {}): {
  features: LayerFeatures;
  direction: Float64Array;
} {
  const { n = 120, hiddenSize = 40, effect = 6, soft = false, seed = 1 } = options;
  const positives = options.positives ?? n / 2;
  const random = new Random(seed);
  const uniform = () => random.bits() / 2 ** 31 - 1;
  const vector = () => Float64Array.from({ length: hiddenSize }, uniform);
  const direction = vector();
  const length = Math.hypot(...direction);
  for (let h = 0; h < hiddenSize; h++) direction[h] = (direction[h] as number) / length;
  // Far from the origin, as residual streams are.
  const base = vector().map((x) => 8 * x);
  const labels = Float32Array.from({ length: n }, (_, i) => {
    const pairs = Math.min(positives, n - positives);
    return i < 2 * pairs ? 1 - (i % 2) : positives > pairs ? 1 : 0;
  });
  const softLabels = soft ? labels.map((label) => label * (0.3 + 0.35 * (uniform() + 1))) : null;
  const rows = new Float32Array(n * hiddenSize);
  for (let i = 0; i < n; i++) {
    const amount = effect * ((softLabels ?? labels)[i] as number);
    for (let h = 0; h < hiddenSize; h++)
      rows[i * hiddenSize + h] =
        (base[h] as number) + Math.sqrt(3) * 0.5 * uniform() + 0.5 * amount * (direction[h] as number);
  }
  return { features: { rows, n, hiddenSize, labels, softLabels }, direction };
}

export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] as number) * (b[i] as number);
    aa += (a[i] as number) ** 2;
    bb += (b[i] as number) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

/** test/fixtures/fit-spiders.safetensors: what it holds is told in the README beside it. */
export function referenceFit() {
  const bytes = readFileSync(join(packageRoot, 'test', 'fixtures', 'fit-spiders.safetensors'));
  const { tensors } = decodeSafetensors(bytes);
  const values = (name: string): Float32Array => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new Error(`no tensor ${name}`);
    return tensor.toFloat32();
  };
  const labels = values('labels');
  const soft = values('soft_labels');
  const n = labels.length;
  const depth = soft.length / n;
  return {
    layers: [6, 15, 25],
    features(layer: number): LayerFeatures {
      const rows = values(`features.${layer}`);
      const softLabels = Float32Array.from({ length: n }, (_, i) => soft[i * depth + layer] as number);
      return { rows, n, hiddenSize: rows.length / n, labels, softLabels };
    },
    vector(method: string, layer: number): Float32Array {
      const vectors = values(`vectors.${method}`);
      const width = vectors.length / depth;
      return vectors.subarray(layer * width, (layer + 1) * width);
    },
    validationR: (layer: number) => values('rfm_validation_r')[layer] as number,
  };
}
