import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { dataTypes } from '../../../src/onnx/graph/data-types.js';
import { Graph } from '../../../src/onnx/graph/graph.js';
import {
  externalDataFiles,
  OnnxError,
  parseModel,
  serializeModel,
} from '../../../src/onnx/graph/model-file.js';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
} from '../../../src/onnx/schema/onnx_pb.js';
import { openGraph, TinyDecoder } from '../../helpers/run-graph.js';
import { tinyModel, tinySize } from '../../helpers/tiny-models.js';

function emptyModel(): ModelProto {
  return create(ModelProtoSchema, {
    opsetImport: [{ domain: '', version: 18n }],
    graph: create(GraphProtoSchema, { name: 'test' }),
  });
}

/** in -> a -> b -> out, with a shape of a and a branch that reads a. */
function sample(): Graph {
  const graph = new Graph(emptyModel());
  graph.addInput('in', dataTypes.float32, ['n']);
  graph.addInput('condition', dataTypes.bool, []);
  graph.add('Relu', ['in'], 'a');
  graph.add('Add', ['a', graph.float32(1)], 'b');
  graph.add('Shape', ['a'], 'shape_of_a');
  graph.add('Cast', ['shape_of_a'], 'shape_as_float', { to: dataTypes.float32 });
  graph.add('Add', ['b', 'shape_as_float'], 'c');
  const branch = create(GraphProtoSchema, {
    name: 'branch',
    node: [create(NodeProtoSchema, { opType: 'Neg', input: ['a'], output: ['negated'] })],
  });
  const node = graph.addNode('If', ['condition'], ['d']);
  node.attribute.push(
    create(AttributeProtoSchema, {
      name: 'then_branch',
      type: AttributeProto_AttributeType.GRAPH,
      g: branch,
    }),
  );
  // A graph indexes a node when it sees it: look again, now that the branch is there.
  return new Graph(graph.model);
}

describe('what depends on what', () => {
  test('ancestors and descendants stop at a shape', () => {
    const graph = sample();
    assert.ok(graph.ancestors('c').has('a'), 'through b');
    assert.ok(!graph.ancestors('shape_as_float').has('a'));
    assert.ok(graph.ancestors('shape_as_float').has('shape_of_a'));
    assert.ok(graph.descendants(['in']).has('c'));
    assert.ok(!graph.descendants(['in']).has('shape_as_float'));
    assert.ok(graph.descendants(['shape_of_a']).has('c'));
    assert.deepEqual([...graph.descendants(['c'])], ['c']);
  });

  test('what a branch reads, its node reads', () => {
    const graph = sample();
    assert.ok(graph.consumers('a').some(({ opType }) => opType === 'If'));
    assert.ok(graph.ancestors('d').has('in'));
    assert.ok(graph.descendants(['a']).has('d'));
  });

  test('redirecting a reader reaches into its branches', () => {
    const graph = sample();
    const readers = [...graph.consumers('a')];
    graph.redirect('a', graph.add('Neg', ['a'], 'edited'), readers);
    const branch = graph.proto.node.find(({ opType }) => opType === 'If')?.attribute[0]?.g;
    assert.deepEqual(branch?.node[0]?.input, ['edited']);
    assert.deepEqual(
      graph.consumers('a').map(({ output }) => output[0]),
      ['edited'],
    );
    assert.deepEqual(new Set(graph.consumers('edited')), new Set(readers));
  });

  test('a node that reads a tensor twice still reads it after one input changed', () => {
    const graph = new Graph(emptyModel());
    graph.addInput('x', dataTypes.float32, []);
    graph.addInput('y', dataTypes.float32, []);
    const node = graph.addNode('Mul', ['x', 'x'], ['square']);
    graph.setInput(node, 0, 'y');
    assert.deepEqual(graph.consumers('x'), [node]);
    graph.setInput(node, 1, 'y');
    assert.deepEqual(graph.consumers('x'), []);
    assert.deepEqual(graph.consumers('y'), [node]);
  });
});

describe('finish', () => {
  test('orders makers before readers, whatever the order they came in', () => {
    const graph = sample();
    graph.addOutput('c', dataTypes.float32, ['n']);
    graph.addOutput('d', dataTypes.float32, ['n']);
    graph.proto.node.reverse();
    graph.finish();
    const made = new Set(['in', 'condition', ...graph.proto.initializer.map(({ name }) => name)]);
    for (const node of graph.proto.node) {
      for (const input of node.input) assert.ok(made.has(input), `${node.opType} reads ${input} too early`);
      if (node.opType === 'If') assert.ok(made.has('a'), 'a branch reads a');
      for (const output of node.output) made.add(output);
    }
    assert.ok(made.has('c') && made.has('d'));
  });

  test('drops nodes and weights that no output needs, and keeps those a branch needs', () => {
    const graph = sample();
    graph.addOutput('d', dataTypes.float32, ['n']);
    graph.finish();
    assert.deepEqual(
      graph.proto.node.map(({ opType }) => opType),
      ['Relu', 'If'],
    );
    assert.deepEqual(graph.proto.initializer, []);
  });

  test('keeps a weight that is itself an output', () => {
    const graph = new Graph(emptyModel());
    graph.addOutput(graph.float32(3), dataTypes.float32, []);
    graph.finish();
    assert.equal(graph.proto.initializer.length, 1);
  });

  test('a second graph over the same model does not reuse the names of constants', () => {
    const graph = new Graph(emptyModel());
    assert.notEqual(graph.int64(1), new Graph(graph.model).int64(2));
  });
});

describe('model files', () => {
  const tiny = tinyModel('llama-genai');

  test('a round trip changes neither bytes nor logits', async () => {
    const model = tiny.model();
    const again = parseModel(serializeModel(model), 'again');
    assert.deepEqual(serializeModel(again), serializeModel(model));
    const [tokens] = tiny.prompts;
    const logits = [];
    for (const either of [model, again]) {
      const session = await openGraph(either, tiny.directory);
      const shape = [1, tokens.length, tinySize.vocabulary];
      logits.push(new TinyDecoder(session, 1).run([{ tokens }], {}, { logits: shape }).logits);
      session.release();
    }
    assert.deepEqual(logits[0], logits[1]);
  });

  test('fields this schema does not know survive', () => {
    // Field 1000 as a length-delimited "kept", after a model with an empty graph.
    const unknown = Uint8Array.from([0xc2, 0x3e, 4, ...new TextEncoder().encode('kept')]);
    const known = serializeModel(emptyModel());
    const bytes = new Uint8Array([...known, ...unknown]);
    const written = serializeModel(parseModel(bytes, 'test'));
    assert.ok(Buffer.from(written).includes(Buffer.from(unknown)));
  });

  test('weights files are named once', () => {
    assert.deepEqual(externalDataFiles(tiny.model()), ['model.onnx.data']);
  });

  test("bytes that are no model are refused with the file's name", () => {
    const refused = (bytes: Uint8Array) =>
      assert.throws(
        () => parseModel(bytes, 'some/model.onnx'),
        (error) =>
          error instanceof OnnxError && error.message.startsWith('some/model.onnx is not an ONNX model'),
      );
    refused(Uint8Array.from([0xff, 0xff, 0xff]));
    refused(new Uint8Array(0));
    refused(serializeModel(tiny.model()).subarray(0, 5000));
    assert.throws(
      () => parseModel(Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:aa\n'), 'a.onnx'),
      /^OnnxError: a\.onnx is not an ONNX model: the file is a Git LFS pointer/,
    );
  });
});
