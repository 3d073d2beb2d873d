/** Tokens as one axis: every node gives the same numbers, to the bit, and those that see rows still see them. */
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { dataTypes } from '../../../src/onnx/graph/data-types.js';
import { Graph } from '../../../src/onnx/graph/graph.js';
import { cloneModel, importMicrosoft, newModel } from '../../../src/onnx/graph/model-file.js';
import { flattenRows } from '../../../src/onnx/rewrite/flat-rows.js';
import { floats, openGraph, runGraph } from '../../helpers/run-graph.js';

const hidden = 8;

/** A gated part around which a sum goes on, beside what sees rows: a sum over tokens, and terms of each token. */
function stream() {
  const model = newModel('stream');
  importMicrosoft(model);
  const graph = new Graph(model);
  graph.addInput('x', dataTypes.float32, ['rows', 'tokens', `${hidden}`]);
  graph.addInput('edit', dataTypes.float32, ['rows', 'tokens', `${hidden}`]);
  graph.floats(
    'gains',
    Float32Array.from({ length: hidden }, (_, i) => 1 + i / 7),
  );
  const epsilon = { epsilon: { float: 1e-5 } };
  const normed = graph.add('SimplifiedLayerNormalization', ['x', 'gains'], 'normed', {
    axis: -1,
    ...epsilon,
  });
  const gated = graph.add('Mul', [normed, graph.add('Sigmoid', [normed], 'sigmoid')], 'gated');
  const block = graph.add('Add', ['x', graph.add('Mul', [gated, 'gains'], 'scaled')], 'block');
  const states = graph.add('Unsqueeze', [block, graph.int64([2])], 'states');
  graph.addNode(
    'SkipSimplifiedLayerNormalization',
    [block, 'edit', 'gains'],
    ['next', '', '', 'sum'],
    epsilon,
    'com.microsoft',
  );
  graph.add('ReduceSum', ['sum', graph.int64([1])], 'by_row', { keepdims: 0 });
  graph.add('ReduceSum', [graph.add('Mul', [states, states], 'squares'), graph.int64([3])], 'by_token', {
    keepdims: 0,
  });
  graph.add('Transpose', ['next'], 'turned', { perm: [1, 0, 2] });
  graph.addOutput('by_row', dataTypes.float32, ['rows', `${hidden}`]);
  graph.addOutput('by_token', dataTypes.float32, ['rows', 'tokens', '1']);
  graph.addOutput('turned', dataTypes.float32, ['tokens', 'rows', `${hidden}`]);
  graph.finish();
  return model;
}

test('whatever rows and tokens there are, all outputs have the same bits', async () => {
  const model = stream();
  const graph = new Graph(cloneModel(model));
  const flat = flattenRows(graph, 'normed');
  graph.finish();
  for (const name of ['normed', 'sigmoid', 'gated', 'scaled', 'block', 'next', 'sum'])
    assert.ok(flat.has(name), name);
  for (const name of ['x', 'edit', 'states', 'by_row', 'turned']) assert.ok(!flat.has(name), name);
  const [before, after] = [await openGraph(model, tmpdir()), await openGraph(graph.model, tmpdir())];
  for (const [rows, tokens] of [
    [1, 1],
    [1, 5],
    [4, 1],
    [3, 2],
  ] as const) {
    const values = (seed: number) =>
      floats(
        [rows, tokens, hidden],
        Float32Array.from({ length: rows * tokens * hidden }, (_, i) => Math.sin(seed * (i + 1))),
      );
    const outputs = {
      by_row: [rows, hidden],
      by_token: [rows, tokens, 1],
      turned: [tokens, rows, hidden],
    };
    const run = (session: typeof before) => runGraph(session, { x: values(1), edit: values(2) }, outputs);
    assert.deepEqual(run(after), run(before), `${rows} rows of ${tokens} tokens`);
  }
  before.release();
  after.release();
});

test("a graph's own outputs keep their shapes: nothing is changed", () => {
  const model = stream();
  const graph = new Graph(model);
  graph.addOutput('next', dataTypes.float32, ['rows', 'tokens', `${hidden}`]);
  const nodes = graph.proto.node.length;
  assert.equal(flattenRows(graph, 'normed').size, 0);
  assert.equal(graph.proto.node.length, nodes);
});
