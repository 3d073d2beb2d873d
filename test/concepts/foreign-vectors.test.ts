/** NumPy's files and features of autoencoders become concepts that add what the files say. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeNpy, encodeNpz } from '../../src/checkpoint/numpy.js';
import { encodeSafetensors } from '../../src/checkpoint/safetensors.js';
import { packageRoot } from '../../src/common/package.js';
import { directionsOf } from '../../src/concepts/control-vector.js';
import { encodeNumpy } from '../../src/concepts/numpy-vectors.js';
import type { SaeChoice } from '../../src/concepts/sae-direction.js';
import { conceptOfFile } from '../../src/concepts/vector-file.js';
import { SteerdError } from '../../src/errors.js';
import { sampleConcept } from './sample.js';

const target = {
  name: 'calm',
  model: 'tiny',
  modelFingerprint: 'f'.repeat(64),
  modelType: 'llama',
  layers: 4,
  hiddenSize: 8,
  force: false,
};
const fixture = (name: string) => readFileSync(join(packageRoot, 'test/fixtures/numpy', name));
const read = (bytes: Uint8Array, sae: SaeChoice = {}, shape = target) =>
  conceptOfFile({
    bytes,
    format: undefined,
    contentType: 'application/octet-stream',
    target: { ...shape, sae },
  });
const near = (actual: ArrayLike<number>, expected: ArrayLike<number>) => {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++)
    assert.ok(
      Math.abs((actual[i] as number) - (expected[i] as number)) <=
        1e-6 * (1 + Math.abs(expected[i] as number)),
    );
};
const refused = (message: RegExp, work: () => unknown) =>
  assert.throws(
    work,
    (error: unknown) => error instanceof SteerdError && error.status === 400 && message.test(error.message),
    `${message}`,
  );

test('what leaves as npz comes back bit for bit, and as npy with what strength 1 adds', () => {
  const concept = sampleConcept('calm');
  const { layers, hiddenSize } = concept;
  const shape = { ...target, layers, hiddenSize };
  const archive = read(encodeNumpy(concept, 'npz'), {}, shape);
  assert.deepEqual(Float32Array.from(archive.vectors), Float32Array.from(concept.vectors));
  assert.deepEqual(archive.residualNorms, concept.residualNorms);
  const array = read(encodeNumpy(concept, 'npy'), {}, shape);
  for (const one of [archive, array]) {
    assert.deepEqual([...directionsOf(one).keys()], [...directionsOf(concept).keys()]);
    for (const [layer, row] of directionsOf(one)) near(row, directionsOf(concept).get(layer) ?? []);
  }
});

test("NumPy's files are directions by layer", () => {
  const row = (layer: number) => Array.from({ length: 8 }, (_, h) => layer * 10 + h / 4);
  const all = directionsOf(read(fixture('directions-f8-fortran.npy')));
  assert.deepEqual([...all.keys()], [1, 2, 3]);
  for (const [layer, values] of all) near(values, row(layer));
  const some = directionsOf(read(fixture('layers.npz')));
  assert.deepEqual([...some.keys()], [1, 3]);
  const one = read(encodeNpy({ shape: [1, 8], data: Float32Array.from(row(2)) }), { layer: 2, scale: 2 });
  near(
    directionsOf(one).get(2) ?? [],
    row(2).map((value) => 2 * value),
  );
  refused(/one vector \[H\] needs a layer/, () =>
    read(encodeNpy({ shape: [8], data: new Float32Array(8).fill(1) })),
  );
  refused(/3 rows, and the model 4 layers/, () =>
    read(encodeNpy({ shape: [3, 8], data: new Float32Array(24) })),
  );
  refused(/is none of vectors/, () =>
    read(encodeNpz({ other: { shape: [2, 8], data: new Float32Array(16) } })),
  );
});

test("a feature is its decoder's row at its scale, whatever the file calls it", () => {
  const feature = 3;
  const row = Float32Array.from({ length: 8 }, (_, h) => 24 + h);
  const values = Float32Array.from({ length: 40 }, (_, i) => i);
  const columns = Float32Array.from({ length: 40 }, (_, i) => (i % 5) * 8 + Math.floor(i / 5));
  const tensors = (name: string, shape: number[], data: Float32Array) =>
    encodeSafetensors({
      [name]: { dtype: 'F32', shape, data },
      b_dec: { dtype: 'F32', shape: [8], data: new Float32Array(8) },
    });
  for (const [bytes, choice, scale] of [
    [fixture('sae.npz'), { feature }, 0.5],
    [fixture('sae.npz'), { feature, scale: 2 }, 2],
    [tensors('W_dec', [5, 8], values), { feature, layer: 2 }, 1],
    [tensors('decoder.weight', [8, 5], columns), { feature, layer: 2, scale: -3 }, -3],
    [tensors('decoder_row', [8], row), { layer: 2, scale: 4 }, 4],
  ] as const) {
    const concept = read(bytes, choice);
    const directions = directionsOf(concept);
    assert.deepEqual([...directions.keys()], [2]);
    near(
      directions.get(2) ?? [],
      row.map((value) => scale * value),
    );
    assert.equal(concept.record.method, 'sae');
    const { sae } = concept.record.details as {
      sae: { feature: number | null; layer: number; scale: number };
    };
    assert.deepEqual([sae.layer, sae.scale], [2, scale]);
    assert.equal(sae.feature ?? feature, feature);
  }
  refused(/say which feature: W_dec has 5/, () => read(fixture('sae.npz')));
  refused(/feature 5 is beyond W_dec, which has 0 to 4/, () => read(fixture('sae.npz'), { feature: 5 }));
  refused(/say at which layer/, () => read(tensors('W_dec', [5, 8], values), { feature }));
  refused(/scale is 0/, () => read(fixture('sae.npz'), { feature, scale: 0 }));
  refused(/block 9/, () => read(fixture('sae.npz'), { feature, layer: 9 }));
  refused(/has 5 numbers/, () => read(tensors('W_dec', [8, 5], columns), { feature, layer: 2 }));
  refused(/feature is for files of autoencoders/, () => read(fixture('layers.npz'), { feature }));
  refused(/are for safetensors, npz and npy/, () => read(Buffer.from('{"vectors":{"1":[1]}}'), { feature }));
});
