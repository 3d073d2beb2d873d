/** Models built from the checkpoints under test/fixtures/checkpoints, with PyTorch's goldens. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { buildModel } from '../../src/build/build-model.js';
import type { Precision } from '../../src/build/description/decoder.js';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.js';
import { openCheckpoint } from '../../src/checkpoint/open-checkpoint.js';
import { decodeSafetensors } from '../../src/checkpoint/safetensors.js';
import { float16ToNumber } from '../../src/common/float16.js';
import { packageRoot } from '../../src/common/package.js';
import { openKvCache } from '../../src/engine/kv/open-kv-cache.js';
import { readModelSpec } from '../../src/engine/model-spec.js';
import { GraphRunner } from '../../src/engine/run/graph-runner.js';
import { readModel, serializeModel } from '../../src/onnx/graph/model-file.js';
import { RunOptions } from '../../src/ort/binding.js';
import { Session } from '../../src/ort/session.js';
import { ownArray, Tensor } from '../../src/ort/tensor.js';

export const checkpoints = join(packageRoot, 'test/fixtures/checkpoints');

/** A folder that goes when the tests of this file are over. */
export async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'steerd-build-'));
  after(() => rm(made, { recursive: true, force: true }));
  return made;
}

/** Builds a checkpoint, or another with the same configuration, into a folder of its own. */
export async function built(
  name: string,
  precision: Precision,
  changed?: (checkpoint: Checkpoint) => Checkpoint,
) {
  const checkpoint = await openCheckpoint(join(checkpoints, name));
  const out = await folder();
  const request = { precision, out, signal: new AbortController().signal, onProgress: () => {} };
  try {
    await buildModel({ ...request, checkpoint: changed?.(checkpoint) ?? checkpoint });
    writeFileSync(join(out, 'config.json'), JSON.stringify(checkpoint.config));
  } finally {
    await checkpoint.close();
  }
  return out;
}

export function goldens(name: string) {
  const file = join(checkpoints, name, 'golden.safetensors');
  const { tensors } = decodeSafetensors(
    readFileSync(existsSync(file) ? file : join(checkpoints, 'llama/golden.safetensors')),
  );
  const tensor = (key: string) => {
    const found = tensors.get(key);
    if (!found) throw new Error(`${name} has no golden ${key}`);
    return found;
  };
  return {
    has: (key: string) => tensors.has(key),
    floats: (key: string) => tensor(key).toFloat32(),
    ids: (key: string) => tensor(key).toNumbers(),
    shape: (key: string) => tensor(key).shape,
  };
}

/** Logits [S, V] of a text, by the graph as it was built. */
export async function logitsOf(directory: string, tokens: readonly number[]): Promise<Float32Array> {
  const model = await readModel(join(directory, 'model.onnx'));
  const spec = await readModelSpec(model, directory);
  const session = await Session.create(serializeModel(model), {
    threads: 1,
    weightsDirectory: directory,
    spinning: false,
  });
  const cache = await openKvCache(spec, session, 1, 128);
  const options = new RunOptions();
  const runner = new GraphRunner(session, spec, cache, options);
  const size = tokens.length * spec.vocabularySize;
  const half = spec.kvType === 'float16';
  const data = half ? ownArray(Uint16Array, size) : ownArray(Float32Array, size);
  const logits = Tensor.over(data, half ? 'float16' : 'float32', [1, tokens.length, spec.vocabularySize]);
  runner.run({ first: 0, rows: 1 }, [tokens], [0], { inputs: {}, outputs: { logits } });
  runner.release();
  cache.release();
  session.release();
  options.release();
  return half ? Float32Array.from(data as Uint16Array, float16ToNumber) : (data as Float32Array);
}
