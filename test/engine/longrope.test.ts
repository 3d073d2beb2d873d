/** An export with LongRoPE: what reaches beyond its short factors is refused, and the model says why. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readFootprint } from '../../src/engine/load/footprint.js';
import { request, startEngine, tokens } from '../helpers/engine.js';
import { goldensOf } from '../helpers/families.js';

test('a context beyond the switch of LongRoPE is refused', async (t) => {
  const golden = goldensOf({ name: 'phi3-genai' });
  const folder = await mkdtemp(join(tmpdir(), 'steerd-longrope-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await cp(golden.directory, folder, { recursive: true });
  const file = join(folder, 'config.json');
  const config = JSON.parse(await readFile(file, 'utf8'));
  const rope_scaling = { type: 'longrope', short_factor: [1], long_factor: [2] };
  await writeFile(file, JSON.stringify({ ...config, rope_scaling, original_max_position_embeddings: 32 }));

  const { capacity, capacityWhy } = await readFootprint(folder, { slots: 2, context: 0, memory: 1e9 });
  assert.equal(capacity, 32);
  assert.match(capacityWhy, /LongRoPE/);
  const engine = await startEngine(folder, { slots: 2, capacity: 64 });
  t.after(() => engine.close());
  assert.equal(engine.shape.capacity, 32);
  const prompt = golden.ids('input_ids.0').slice(0, 8);
  assert.equal((await tokens(engine, request(prompt, { maxTokens: 24 }))).length, 24);
  await assert.rejects(tokens(engine, request(prompt, { maxTokens: 25 })), {
    code: 'context_length_exceeded',
  });
});
