import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { productWeights } from '../../src/onnx/find/product-weights.js';
import { serializeModel } from '../../src/onnx/graph/model-file.js';
import { MappedFile } from '../../src/ort/mapped-file.js';
import { PrepackedWeights, Session } from '../../src/ort/session.js';
import { SharedWeights } from '../../src/ort/shared-weights.js';
import { largestDifference, TinyDecoder } from '../helpers/run-graph.js';
import { tinyModel, tinySize } from '../helpers/tiny-models.js';

const tiny = tinyModel('llama-genai');
const [tokens] = tiny.prompts;
const logits = (session: Session) =>
  new TinyDecoder(session, 1).run([{ tokens }], {}, { logits: [1, tokens.length, tinySize.vocabulary] })
    .logits as Float32Array;

test('sessions over the same mapped weights compute what a session of its own does', async () => {
  const model = tiny.model();
  const bytes = serializeModel(model);
  const own = { threads: 1, weightsDirectory: tiny.directory, spinning: false };
  const alone = await Session.create(bytes, own);
  const weights = new SharedWeights(tiny.directory, productWeights(model));
  const prepacked = new PrepackedWeights();
  const settings = { ...own, prepacked, weights: [weights] };
  const first = await Session.create(bytes, settings);
  const second = await Session.create(bytes, settings);
  assert.deepEqual(logits(first), logits(alone));
  weights.dropPages();
  first.release();
  assert.deepEqual(logits(second), logits(alone));
  assert.ok(largestDifference(logits(second), tiny.golden('logits.0')) < 1e-4);
  second.release();
  prepacked.release();
  weights.release();
  alone.release();
});

test('a weight that reaches beyond its file, or outside the folder, is left to ONNX Runtime to refuse', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'steerd-weights-'));
  try {
    const model = tiny.model();
    const bytes = serializeModel(model);
    const settings = { threads: 1, weightsDirectory: folder, spinning: false };
    await writeFile(join(folder, 'model.onnx.data'), new Uint8Array(4096));
    const short = new SharedWeights(folder, productWeights(model));
    await assert.rejects(Session.create(bytes, { ...settings, weights: [short] }), /load model/);
    short.release();
    await copyFile(join(tiny.directory, 'model.onnx.data'), join(folder, 'model.onnx.data'));
    const outside = productWeights(model).map((weight) => ({ ...weight, location: '../model.onnx.data' }));
    const none = new SharedWeights(folder, outside);
    (await Session.create(bytes, { ...settings, weights: [none] })).release();
    none.release();
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a file that is not there is an error, an empty one is not mapped', async () => {
  assert.throws(() => MappedFile.open('/no/such/file'), /ENOENT/);
  const folder = await mkdtemp(join(tmpdir(), 'steerd-map-'));
  await writeFile(join(folder, 'empty'), '');
  assert.equal(MappedFile.open(join(folder, 'empty')), null);
  await rm(folder, { recursive: true });
});
