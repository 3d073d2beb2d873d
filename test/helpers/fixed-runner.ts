/** Runners of serving grafts on the CPU, of fixed shapes or the usual one, with a small cache. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openKvCache } from '../../src/engine/kv/open-kv-cache.js';
import { readModelSpec } from '../../src/engine/model-spec.js';
import { ServingRunner } from '../../src/engine/run/serving-runner.js';
import { graftForServing } from '../../src/onnx/graft/serving-graft.js';
import { parseModel, serializeModel } from '../../src/onnx/graph/model-file.js';
import { RunOptions } from '../../src/ort/binding.js';
import { Session } from '../../src/ort/session.js';

const slots = 3;
const capacity = 32;

export async function openRunner(directory: string, fixedShapes: boolean) {
  const file = join(directory, 'model.onnx');
  const model = parseModel(await readFile(file), file);
  const spec = await readModelSpec(model, directory);
  const graft = graftForServing(model, { floatLogits: true, fixedShapes });
  const settings = { threads: 1, weightsDirectory: directory, spinning: false };
  const session = await Session.create(serializeModel(graft), settings);
  const cache = await openKvCache(spec, session, slots, capacity);
  const options = new RunOptions();
  const runner = new ServingRunner(session, cache, options);
  const release = () => {
    runner.release();
    cache.release();
    session.release();
    options.release();
  };
  return { spec, session, cache, runner, release };
}

/** Of an export with GroupQueryAttention. */
export async function openFixedRunner(directory: string, fixedShapes: boolean) {
  const opened = await openRunner(directory, fixedShapes);
  const { cache } = opened;
  assert.ok(cache.layout === 'in place');
  return { ...opened, cache };
}

export type FixedRunner = Awaited<ReturnType<typeof openFixedRunner>>;
