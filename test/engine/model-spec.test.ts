import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fingerprintModel, readModelSpec } from '../../src/engine/model-spec.js';
import { dataTypes, Graph } from '../../src/onnx/graph.js';
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

test('attention of two kinds, and inputs nobody can feed, are named', async () => {
  const mixed = tiny.model();
  const node = mixed.graph?.node.find(({ opType }) => opType === 'GroupQueryAttention');
  assert.ok(node);
  node.opType = 'MultiHeadAttention';
  await assert.rejects(readModelSpec(mixed, tiny.directory), /3 of 4 layers use GroupQueryAttention/);
  const merged = tiny.model();
  new Graph(merged).addInput('use_cache_branch', dataTypes.bool, ['1']);
  await assert.rejects(readModelSpec(merged, tiny.directory), /does not have: use_cache_branch/);
  const embedded = tiny.model();
  for (const input of embedded.graph?.input ?? [])
    if (input.name === 'input_ids') input.name = 'inputs_embeds';
  await assert.rejects(readModelSpec(embedded, tiny.directory), /no input input_ids; it has inputs_embeds/);
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
