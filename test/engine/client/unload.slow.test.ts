/** Memory of a model that was unloaded is the system's again: without that no budget could be kept. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { embeddedDirectory } from '../../helpers/embedded-model.js';
import { request, startEngine, tokens } from '../../helpers/engine.js';

const weights = ['model.onnx.data', 'model.onnx.data_1']
  .map((file) => statSync(join(embeddedDirectory, file)).size)
  .reduce((a, b) => a + b);

test('loaded and unloaded again and again, the embedded model leaves nothing behind', async (t) => {
  if (process.platform !== 'linux') return t.skip('says what glibc does');
  const left: number[] = [];
  for (let round = 0; round < 4; round++) {
    const engine = await startEngine(embeddedDirectory, { slots: 2, capacity: 256 });
    await tokens(engine, request([5, 6, 7], { maxTokens: 4 }));
    const loaded = process.memoryUsage.rss();
    await engine.close();
    left.push(process.memoryUsage.rss());
    assert.ok(loaded - (left.at(-1) ?? 0) > weights, `only ${loaded - (left.at(-1) ?? 0)} bytes came back`);
  }
  const grown = (left.at(-1) ?? 0) - (left[0] ?? 0);
  assert.ok(grown < weights / 4, `${grown} bytes more after three more rounds: ${left}`);
});
