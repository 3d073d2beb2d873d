import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { describe, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { dataTypes } from '../../src/onnx/graph/data-types.js';
import { Graph } from '../../src/onnx/graph/graph.js';
import { serializeModel } from '../../src/onnx/graph/model-file.js';
import { GraphProtoSchema, ModelProtoSchema } from '../../src/onnx/schema/onnx_pb.js';
import { Binding, RunOptions } from '../../src/ort/binding.js';
import { ortVersion } from '../../src/ort/library.js';
import { PrepackedWeights, Session } from '../../src/ort/session.js';
import { OrtError } from '../../src/ort/status.js';
import { type ElementType, elementTypes, ownArray, Tensor } from '../../src/ort/tensor.js';
import { floats, runGraph, TinyDecoder } from '../helpers/run-graph.js';
import { tinyModel, tinySize } from '../helpers/tiny-models.js';

const settings = { threads: 1, weightsDirectory: tmpdir(), spinning: false };

/** y = x + x for any shape and type. */
function doubling(type: ElementType): Promise<Session> {
  const model = create(ModelProtoSchema, {
    irVersion: 9n,
    opsetImport: [{ domain: '', version: 18n }],
    graph: create(GraphProtoSchema, { name: 'doubling' }),
  });
  const graph = new Graph(model);
  const code = elementTypes[type].code;
  graph.addInput('x', code, ['rows', '3']);
  graph.addOutput(graph.add('Add', ['x', 'x'], 'y'), code, ['rows', '3']);
  return Session.create(serializeModel(model), settings);
}

const ortError = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof OrtError, String(error));
  assert.match(error.message, pattern);
  return true;
};

test('the library says which ONNX Runtime it is', () => {
  assert.match(ortVersion, /^1\.\d+\.\d+$/);
});

describe('a session', () => {
  test('describes its inputs and outputs', async () => {
    const session = await doubling('float32');
    assert.deepEqual(session.inputs, [{ name: 'x', type: 'float32', shape: [-1, 3] }]);
    assert.deepEqual(session.outputs, [{ name: 'y', type: 'float32', shape: [-1, 3] }]);
    session.release();
  });

  test('bytes that are no model, and no bytes, are errors', async () => {
    for (const bytes of [Uint8Array.from([1, 2, 3]), new Uint8Array(0)])
      await assert.rejects(Session.create(bytes, settings), ortError(/^load model: /));
  });

  test('a missing weights file is named', async () => {
    const tiny = tinyModel('llama-genai');
    await assert.rejects(
      Session.create(serializeModel(tiny.model()), settings),
      ortError(/^load model: .*model\.onnx\.data/s),
    );
  });

  test('an operator nobody knows is named', async () => {
    const model = create(ModelProtoSchema, {
      irVersion: 9n,
      opsetImport: [{ domain: '', version: 18n }],
      graph: create(GraphProtoSchema, { name: 'strange' }),
    });
    const graph = new Graph(model);
    graph.addInput('x', dataTypes.float32, ['n']);
    graph.addOutput(graph.add('Frobnicate', ['x'], 'y'), dataTypes.float32, ['n']);
    await assert.rejects(Session.create(serializeModel(model), settings), ortError(/Frobnicate/));
  });

  test('sessions that share prepacked weights compute alike, and each survives the other', async () => {
    const tiny = tinyModel('llama-genai');
    const [tokens] = tiny.prompts;
    const prepacked = new PrepackedWeights();
    const shared = { ...settings, weightsDirectory: tiny.directory, prepacked };
    const bytes = serializeModel(tiny.model());
    const logits = (session: Session) =>
      new TinyDecoder(session, 1).run([{ tokens }], {}, { logits: [1, tokens.length, tinySize.vocabulary] })
        .logits;
    const first = await Session.create(bytes, shared);
    const second = await Session.create(bytes, shared);
    const expected = logits(first);
    assert.deepEqual(logits(second), expected);
    first.release();
    assert.deepEqual(logits(second), expected);
    second.release();
    prepacked.release();
  });
});

describe('a binding', () => {
  test('an unknown name, a missing input, a wrong shape and a wrong type are errors that name the input', async () => {
    const session = await doubling('float32');
    const binding = new Binding(session);
    const options = new RunOptions();
    const row = Tensor.over(ownArray(Float32Array, 3), 'float32', [1, 3]);
    const wide = Tensor.over(ownArray(Float32Array, 4), 'float32', [1, 4]);
    const whole = Tensor.over(ownArray(Int32Array, 3), 'int32', [1, 3]);
    assert.throws(() => binding.input('z', row), ortError(/^bind input z: /));
    assert.throws(() => binding.output('z', row), ortError(/^bind output z: /));
    binding.output('y', row);
    assert.throws(() => binding.run(options), ortError(/^run: /));
    binding.input('x', wide);
    assert.throws(() => binding.run(options), ortError(/^run: .*invalid dimensions.*x/is));
    binding.input('x', whole);
    assert.throws(() => binding.run(options), ortError(/^run: .*data type.*/is));
    binding.input('x', row);
    binding.run(options);
    binding.release();
    options.release();
    session.release();
    for (const tensor of [row, wide, whole]) tensor.release();
  });

  test('an output memory of another size is an error, not a write beyond it', async () => {
    const session = await doubling('float32');
    assert.throws(
      () => runGraph(session, { x: floats([2, 3], [1, 2, 3, 4, 5, 6]) }, { y: [1, 3] }),
      ortError(/^run: /),
    );
    session.release();
  });

  test('tensors are the arrays themselves: writes are seen by the next run, results appear in place', async () => {
    const session = await doubling('float32');
    const binding = new Binding(session);
    const options = new RunOptions();
    const x = ownArray(Float32Array, 12);
    const y = ownArray(Float32Array, 12);
    const tensors = [Tensor.over(x, 'float32', [4, 3]), Tensor.over(y, 'float32', [4, 3])] as const;
    binding.input('x', tensors[0]);
    binding.output('y', tensors[1]);
    for (const factor of [1, 10]) {
      for (let i = 0; i < 12; i++) x[i] = i * factor;
      binding.run(options);
      assert.deepEqual(
        [...y],
        Array.from(x, (value) => 2 * value),
      );
    }
    // Past and present of a KV cache are one tensor.
    binding.output('y', tensors[0]);
    binding.run(options);
    assert.equal(x[11], 220);
    binding.release();
    options.release();
    session.release();
    for (const tensor of tensors) tensor.release();
  });

  test('a tensor over part of an array leaves the rest alone', async () => {
    const session = await doubling('int64');
    const all = BigInt64Array.from([9n, 1n, 2n, 3n, 9n]);
    const part = { type: 'int64', shape: [1, 3], data: all.subarray(1) } as const;
    runGraph(session, { x: part }, { y: part });
    assert.deepEqual([...all], [9n, 2n, 4n, 6n, 9n]);
    session.release();
  });

  test('empty tensors run', async () => {
    const session = await doubling('float32');
    assert.equal(runGraph(session, { x: floats([0, 3]) }, { y: [0, 3] }).y?.length, 0);
    session.release();
  });
});

describe('Tensor.over', () => {
  test('an array that is too short or of another type is refused before ORT sees it', () => {
    assert.throws(() => Tensor.over(new Float32Array(5), 'float32', [2, 3]), /\[2, 3\] needs 6 elements.*5/);
    assert.throws(
      () => Tensor.over(new Float32Array(6), 'int64', [2, 3]),
      /int64 needs BigInt64Array.*Float32Array/,
    );
  });
});
