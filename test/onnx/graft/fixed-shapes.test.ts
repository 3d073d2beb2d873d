import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import {
  mostJoined,
  requirePlainAttention,
  sliceLayers,
  stackLayers,
} from '../../../src/onnx/graft/fixed-shapes.js';
import { graftForServing } from '../../../src/onnx/graft/serving-graft.js';
import { dataTypes } from '../../../src/onnx/graph/data-types.js';
import { Graph } from '../../../src/onnx/graph/graph.js';
import { GraphProtoSchema, ModelProtoSchema, type NodeProto } from '../../../src/onnx/schema/onnx_pb.js';
import { floats, openGraph, runGraph } from '../../helpers/run-graph.js';
import { tinyModel, tinyNames } from '../../helpers/tiny-models.js';

describe('a graft with fixed shapes', () => {
  for (const name of tinyNames)
    test(`of ${name} has no node that keeps numbers on the host, and no mask`, () => {
      const { graph } = graftForServing(tinyModel(name).model(), { floatLogits: true, fixedShapes: true });
      const types = new Set(graph?.node.map(({ opType }) => opType));
      for (const onHost of ['Shape', 'Slice', 'GatherND', 'Size']) assert.ok(!types.has(onHost), onHost);
      const inputs = graph?.input.map((input) => input.name) ?? [];
      assert.ok(!inputs.includes('attention_mask'));
      assert.deepEqual(
        inputs.filter((input) => input.startsWith('attention_')),
        ['attention_lengths', 'attention_span'],
      );
    });

  test('is refused when something else reads the mask', () => {
    const model = tinyModel('llama-genai').model();
    const graph = new Graph(model);
    const mask = graph.add('Cast', ['attention_mask'], 'mask', { to: dataTypes.float32 });
    const seen = graph.add('ReduceMax', [mask], 'seen', { keepdims: 0 });
    const head = graph.producer('logits');
    assert.ok(head);
    graph.add('Mul', [graph.renameOutput(head, 0, 'before'), seen], 'logits');
    graph.finish();
    assert.throws(
      () => graftForServing(model, { floatLogits: true, fixedShapes: true }),
      /reads its attention mask for more than attention: mask/,
    );
    graftForServing(model);
  });
});

describe('attention on WebGPU', () => {
  const tiny = () => new Graph(tinyModel('llama-genai').model());

  test('is plain in the tiny export, where each node says that it has no window', () => {
    requirePlainAttention(tiny());
  });

  test('is refused with a window, a smooth softmax or a bias, in any layer', () => {
    const refused: [RegExp, (graph: Graph, node: NodeProto) => void][] = [
      [/a sliding window/, (graph, node) => graph.setAttribute(node, 'local_window_size', 4)],
      [/a smooth softmax/, (graph, node) => graph.setAttribute(node, 'smooth_softmax', 1)],
      [
        /a bias or a sink/,
        (graph, node) => {
          while (node.input.length < 12) node.input.push('');
          graph.setInput(node, 11, 'sinks');
        },
      ],
    ];
    for (const [reason, change] of refused)
      for (const layer of [0, -1]) {
        const graph = tiny();
        const node = graph.proto.node.filter(({ opType }) => opType === 'GroupQueryAttention').at(layer);
        assert.ok(node);
        change(graph, node);
        assert.throws(() => requirePlainAttention(graph), reason);
      }
  });
});

describe('layers sliced and stacked again', () => {
  for (const [layers, opset] of [
    [1, 18],
    [4, 13],
    [32, 18],
    [33, 18],
    [37, 13],
    [80, 18],
  ] as const)
    test(`${layers} of them (opset ${opset}) keep their order, and no node joins too many`, async () => {
      const graph = new Graph(
        create(ModelProtoSchema, {
          irVersion: 9n,
          opsetImport: [{ domain: '', version: BigInt(opset) }],
          graph: create(GraphProtoSchema, { name: 'test' }),
        }),
      );
      graph.addInput('layers', dataTypes.float32, [`${layers}`, 'rows', '2']);
      graph.addOutput('stacked', dataTypes.float32, [`${layers}`, 'rows', '2']);
      const names = Array.from({ length: layers }, (_, layer) => `layer_${layer}`);
      sliceLayers(graph, 'layers', names);
      const scaled = names.map((name, layer) =>
        graph.add('Mul', [name, graph.float32(layer + 1)], `scaled_${layer}`),
      );
      stackLayers(graph, scaled, 'stacked');
      graph.finish();
      for (const { opType, input } of graph.proto.node) {
        assert.notEqual(opType, 'Split');
        if (opType === 'Concat') assert.ok(input.length <= mostJoined);
      }
      const session = await openGraph(graph.model, '.');
      const shape = [layers, 3, 2];
      const values = Float32Array.from({ length: layers * 6 }, (_, i) => i);
      const { stacked } = runGraph(session, { layers: floats(shape, values) }, { stacked: shape });
      session.release();
      assert.deepEqual(
        stacked,
        values.map((value, i) => value * (Math.floor(i / 6) + 1)),
      );
    });
});
