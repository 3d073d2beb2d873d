/** What a build that was broken off had written is trusted as far as its files reach, and never emptied by a fault of opening. */
import assert from 'node:assert/strict';
import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { WeightFiles } from '../../src/build/weight-files.js';
import { WeightPlan } from '../../src/build/weight-plan.js';
import { dataTypes } from '../../src/onnx/graph/data-types.js';
import { temporaryFolder } from '../concepts/sample.js';

test('noted tasks count while their bytes are there', async (t) => {
  const folder = await temporaryFolder(t);
  const plan = new WeightPlan(dataTypes.float32);
  for (const name of ['a', 'b']) plan.vector(name, 4, async () => new Float32Array(4));
  const [first, second] = plan.stored;
  assert.ok(first && second);
  const file = join(folder, first.file);
  const write = async () => {
    const files = await WeightFiles.open(folder, plan);
    await files.write(first, 0, Float32Array.of(1, 2, 3, 4));
    await files.write(second, 0, Float32Array.of(5, 6, 7, 8));
    await files.note(2);
    await files.close();
  };
  const finished = async (of = plan) => {
    const files = await WeightFiles.open(folder, of);
    await files.close();
    return files.finished;
  };
  assert.equal(await finished(), 0);
  await write();
  assert.equal(await finished(), 2);
  const other = new WeightPlan(dataTypes.float32);
  other.vector('a', 5, async () => new Float32Array(5));
  assert.equal(await finished(other), 0);
  await truncate(file, second.offset + second.bytes - 1);
  assert.equal(await finished(), 0);
  await write();
  await rm(file);
  assert.equal(await finished(), 0);
  await write();
  for (const state of [
    { key: plan.key, finished: -1 },
    { key: plan.key, finished: 0.5 },
    { key: plan.key },
    'x',
  ]) {
    await writeFile(join(folder, '.build-state'), JSON.stringify(state));
    assert.equal(await finished(), 0);
  }
});
