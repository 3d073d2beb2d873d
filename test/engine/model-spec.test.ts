import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fingerprintModel, readModelSpec } from '../../src/engine/model-spec.js';
import { OnnxError } from '../../src/onnx/model-file.js';
import { tinyModel } from '../helpers/tiny-models.js';

const tiny = tinyModel('llama-genai');
let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'steerd-spec-'));
});
after(() => rm(folder, { recursive: true }));

test('sizes come from the graph and its configuration', async () => {
  const { layers, ...sizes } = await readModelSpec(tiny.model(), tiny.directory);
  assert.deepEqual(sizes, {
    hiddenSize: 64,
    heads: 4,
    kvHeads: 2,
    headSize: 16,
    kvType: 'float32',
    slidingWindow: 0,
    vocabularySize: 320,
    contextLength: 256,
    takesPositions: false,
    takesMask: true,
    kvLayout: 'in place',
  });
  assert.equal(layers.length, 4);
});

test('what neither gives is named', async () => {
  await assert.rejects(
    readModelSpec(tiny.model(), folder),
    (error) => error instanceof OnnxError && /the hidden size.*config\.json/.test(error.message),
  );
  await writeFile(join(folder, 'config.json'), '{');
  await assert.rejects(
    readModelSpec(tiny.model(), folder),
    (error) => error instanceof OnnxError && error.message.startsWith('config.json cannot be read'),
  );
});

test('attention that cannot be served is named', async () => {
  const model = tiny.model();
  for (const node of model.graph?.node ?? [])
    if (node.opType === 'GroupQueryAttention') node.opType = 'MultiHeadAttention';
  await assert.rejects(readModelSpec(model, tiny.directory), /MultiHeadAttention, not GroupQueryAttention/);
});

test('the fingerprint tells graphs and weights apart', async () => {
  const graph = await readFile(join(tiny.directory, 'model.onnx'));
  const original = await fingerprintModel(graph, tiny.model(), tiny.directory);
  const weights = join(folder, 'model.onnx.data');
  await copyFile(join(tiny.directory, 'model.onnx.data'), weights);
  assert.equal(await fingerprintModel(graph, tiny.model(), folder), original);
  assert.notEqual(await fingerprintModel(graph.subarray(1), tiny.model(), folder), original);
  const bytes = await readFile(weights);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await writeFile(weights, bytes);
  assert.notEqual(await fingerprintModel(graph, tiny.model(), folder), original);
});
