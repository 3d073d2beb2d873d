/** A weight read under another shape is another name for the same place in the file. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { dataTypes } from '../../../src/onnx/graph/data-types.js';
import { Graph } from '../../../src/onnx/graph/graph.js';
import { replaceReshapedWeights } from '../../../src/onnx/rewrite/reshaped-weights.js';
import { type ModelProto, TensorProtoSchema } from '../../../src/onnx/schema/onnx_pb.js';
import { openGraph, TinyDecoder } from '../../helpers/run-graph.js';
import { tinyModel, tinySize } from '../../helpers/tiny-models.js';

const tiny = tinyModel('llama-genai');
const [tokens] = tiny.prompts;

/** Stores a weight of a matrix product flat, and reads it through a Reshape to `shape`. */
function flattened(shape: (dims: readonly bigint[]) => bigint[], allowzero = 0): ModelProto {
  const model = tiny.model();
  const graph = new Graph(model);
  const node = graph.proto.node.find(({ opType, input }) => {
    return opType === 'MatMul' && (graph.initializer(input[1] ?? '')?.externalData.length ?? 0) > 0;
  });
  assert.ok(node);
  const weight = graph.initializer(node.input[1] ?? '');
  assert.ok(weight);
  const wanted = BigInt64Array.from(shape(weight.dims));
  const name = graph.addInitializer(
    create(TensorProtoSchema, {
      name: 'wanted_shape',
      dataType: dataTypes.int64,
      dims: [BigInt(wanted.length)],
      rawData: new Uint8Array(wanted.buffer),
    }),
  );
  graph.setInput(node, 1, graph.add('Reshape', [weight.name, name], 'reshaped', { allowzero }));
  weight.dims = [weight.dims.reduce((product, size) => product * size, 1n)];
  graph.finish();
  return model;
}

async function logits(model: ModelProto): Promise<Float32Array> {
  const session = await openGraph(model, tiny.directory);
  try {
    const outputs = { logits: [1, tokens.length, tinySize.vocabulary] };
    return new TinyDecoder(session, 1).run([{ tokens }], {}, outputs).logits as Float32Array;
  } finally {
    session.release();
  }
}

function named(model: ModelProto): Graph {
  const graph = new Graph(model);
  replaceReshapedWeights(graph);
  graph.finish();
  return graph;
}

const reshapes = ({ proto }: Graph) => proto.node.filter(({ opType }) => opType === 'Reshape').length;

for (const [what, shape] of [
  ['all sizes', (dims: readonly bigint[]) => [...dims]],
  ['one size left to find', ([rows = 0n]: readonly bigint[]) => [rows, -1n]],
] as const)
  test(`a Reshape of a weight to a shape with ${what} becomes a weight, bit for bit`, async () => {
    const before = flattened((dims) => [...shape(dims)]);
    const count = reshapes(new Graph(before));
    const expected = await logits(flattened((dims) => [...shape(dims)]));
    const graph = named(before);
    assert.equal(reshapes(graph), count - 1);
    assert.deepEqual(await logits(graph.model), expected);
    assert.deepEqual(expected, await logits(tiny.model()));
  });

test('a shape that does not hold the weight, or holds nothing, is left to the runtime', () => {
  for (const model of [
    flattened(([rows = 0n]) => [rows, 7n]),
    flattened(([rows = 0n]) => [rows, 0n], 1),
    flattened(() => [-1n, -1n]),
  ]) {
    const count = reshapes(new Graph(model));
    assert.equal(reshapes(named(model)), count);
  }
});
