import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { kvRowBytes } from '../../../src/engine/kv/cache-size.js';
import { readFootprint } from '../../../src/engine/load/footprint.js';
import { readModelSpec } from '../../../src/engine/model-spec.js';
import { readOutline, readWithWeightsInPlace } from '../../../src/onnx/graph/graph-outline.js';
import { OnnxError, parseModel, serializeModel } from '../../../src/onnx/graph/model-file.js';
import { TensorProto_DataLocation } from '../../../src/onnx/schema/onnx_pb.js';
import { temporaryFolder } from '../../concepts/sample.js';
import { families, goldensOf } from '../../helpers/families.js';

for (const family of families)
  test(`${family.name}: the outline says of the model what the whole file says, without its weights`, async () => {
    const { directory } = goldensOf(family);
    const file = join(directory, 'model.onnx');
    const whole = parseModel(readFileSync(file), file);
    const outline = await readOutline(file);
    assert.deepEqual(await readModelSpec(outline, directory), await readModelSpec(whole, directory));
    // Nothing but large values is missing.
    for (const tensor of whole.graph?.initializer ?? []) {
      const kept = outline.graph?.initializer.find(({ name }) => name === tensor.name);
      assert.deepEqual(kept?.dims, tensor.dims);
      if (tensor.rawData.length <= 4000) assert.deepEqual(kept, tensor);
      else if (tensor.rawData.length > 4096) {
        assert.deepEqual(kept?.rawData.length, 0);
        assert.equal(kept?.dataType, tensor.dataType);
      }
    }
    assert.deepEqual(outline.graph?.node, whole.graph?.node);
  });

for (const family of families)
  test(`${family.name}: weights in place are those of the file, byte for byte`, async () => {
    const { directory } = goldensOf(family);
    const file = join(directory, 'model.onnx');
    const bytes = readFileSync(file);
    const { graph: whole } = parseModel(bytes, file);
    const { graph } = await readWithWeightsInPlace(file);
    assert.deepEqual(graph?.node, whole?.node);
    for (const [index, tensor] of (graph?.initializer ?? []).entries()) {
      const original = whole?.initializer[index];
      assert.ok(tensor.rawData.length <= 4096);
      if (tensor.rawData.length === original?.rawData.length) {
        assert.deepEqual(tensor, original);
        continue;
      }
      const place = Object.fromEntries(tensor.externalData.map(({ key, value }) => [key, value]));
      assert.equal(place.location, 'model.onnx');
      const offset = Number(place.offset);
      const there = bytes.subarray(offset, offset + Number(place.length));
      assert.deepEqual(Buffer.from(original?.rawData ?? []), there);
      assert.equal(tensor.dataLocation, TensorProto_DataLocation.EXTERNAL);
    }
  });

test('weights are found in place where a file says of them that they are not external', async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'model.onnx');
  const { directory } = goldensOf({ name: 'llama-optimum' } as (typeof families)[number]);
  const model = parseModel(readFileSync(join(directory, 'model.onnx')), file);
  for (const tensor of model.graph?.initializer ?? []) tensor.dataLocation = TensorProto_DataLocation.DEFAULT;
  await writeFile(file, serializeModel(model));
  const inPlace = (await readWithWeightsInPlace(file)).graph?.initializer ?? [];
  const external = inPlace.filter(({ externalData }) => externalData.length > 0);
  assert.ok(external.length > 0);
  for (const { dataLocation } of external) assert.equal(dataLocation, TensorProto_DataLocation.EXTERNAL);
});

test('a footprint counts every file of the weights, and the KV of every slot and of the spare row', async () => {
  const { directory } = goldensOf(families[0] as (typeof families)[number]);
  const sizes = await Promise.all(
    ['model.onnx', 'model.onnx.data'].map(async (file) => (await stat(join(directory, file))).size),
  );
  const footprint = await readFootprint(directory, { slots: 5, context: 100, memory: null });
  const spec = await readModelSpec(await readOutline(join(directory, 'model.onnx')), directory);
  assert.equal(
    footprint.weights,
    sizes.reduce((a, b) => a + b),
  );
  assert.deepEqual([footprint.kv, footprint.capacity], [6 * kvRowBytes(spec, 100), 100]);
  const longest = await readFootprint(directory, { slots: 1, context: 1_000_000, memory: null });
  assert.equal(longest.capacity, spec.contextLength);
});

test('files that are no models are refused, wherever they break off', async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'model.onnx');
  const { directory } = goldensOf({ name: 'gemma3-optimum' } as (typeof families)[number]);
  const whole = readFileSync(join(directory, 'model.onnx'));
  const cut = [0, 1, 7, 100, 5_000, 60_000, whole.length - 1].map((length) => whole.subarray(0, length));
  for (const bytes of [...cut, Buffer.alloc(9000, 0xa7), Buffer.alloc(9000, 0xff), Buffer.alloc(100)]) {
    await writeFile(file, bytes);
    await assert.rejects(readOutline(file), OnnxError);
  }
});

test('a file of another kind is called what it is', async (t) => {
  const file = join(await temporaryFolder(t), 'model.onnx');
  for (const [bytes, kind] of [
    ['version https://git-lfs.github.com/spec/v1\noid sha256:8786f1\nsize 170000\n', /a Git LFS pointer/],
    ['<!DOCTYPE html><html></html>', /an HTML page/],
  ] as const) {
    await writeFile(file, bytes);
    await assert.rejects(readOutline(file), (error: unknown) => {
      assert.ok(error instanceof OnnxError);
      assert.match(error.message, kind);
      return true;
    });
  }
});
