/** The embedded model, its float32 goldens, and a direction that visibly steers it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeSafetensors } from '../../src/checkpoint/safetensors.js';
import { packageRoot } from '../../src/common/package.js';
import type { EditTerm } from '../../src/engine/protocol.js';

export const embeddedDirectory = join(packageRoot, 'models/smollm2-135m-instruct');

const fixture = (file: string) => readFileSync(join(packageRoot, 'test/fixtures', file));

interface Golden {
  readonly logprobs: {
    readonly ids: readonly number[];
    /** Natural log-probability of ids[i + 1] after ids[0..i], float32. */
    readonly unsteered: readonly number[];
    readonly steered_mean_difference_spiders_coefficient_2_layers_1_to_29: readonly number[];
  };
}

export const { logprobs } = JSON.parse(fixture('smollm2-135m-instruct.json').toString()) as Golden;

const layers = 30;
const hidden = 576;

/** [30 * 576] unit vectors of "terrified of spiders"; layer 0 is zero. */
const spiders = (() => {
  const { tensors } = decodeSafetensors(fixture('spiders-mean-difference.safetensors'));
  const found = tensors.get('vectors.mean_difference');
  if (!found) throw new Error('the fixture lacks vectors.mean_difference');
  return found.toFloat32();
})();

/**
 * That direction with every coordinate moved `shift` places on, which makes another one, with the same
 * coefficients at layers 1 to 29.
 */
export function spiderTerm(add: number, scale = 0, shift = 0): EditTerm {
  const vectors = new Float32Array(new SharedArrayBuffer(layers * hidden * 4));
  for (let layer = 0; layer < layers; layer++)
    for (let i = 0; i < hidden; i++)
      vectors[layer * hidden + ((i + shift) % hidden)] = spiders[layer * hidden + i] ?? 0;
  const everywhereButFirst = (value: number) =>
    Float32Array.from({ length: layers }, (_, layer) => (layer === 0 ? 0 : value));
  return {
    vectors,
    add: everywhereButFirst(add),
    scale: everywhereButFirst(scale),
    from: 0,
    to: Number.POSITIVE_INFINITY,
  };
}
