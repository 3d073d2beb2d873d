import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fingerprintModel, readModelSpec } from '../../src/engine/model-spec.js';
import { dataTypes } from '../../src/onnx/graph/data-types.js';
import { Graph } from '../../src/onnx/graph/graph.js';
import { OnnxError } from '../../src/onnx/graph/model-file.js';
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
    contextWhy: "the model's own",
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
  const [graph, weights] = [join(folder, 'model.onnx'), join(folder, 'model.onnx.data')];
  const fingerprint = () => fingerprintModel(tiny.model(), folder);
  const original = await fingerprintModel(tiny.model(), tiny.directory);
  await copyFile(join(tiny.directory, 'model.onnx'), graph);
  await copyFile(join(tiny.directory, 'model.onnx.data'), weights);
  assert.equal(await fingerprint(), original);
  for (const file of [graph, weights]) {
    const bytes = await readFile(file);
    await writeFile(file, Buffer.concat([bytes.subarray(0, -1), Buffer.of((bytes.at(-1) ?? 0) ^ 1)]));
    assert.notEqual(await fingerprint(), original);
    await writeFile(file, bytes);
  }
  assert.equal(await fingerprint(), original);
});
