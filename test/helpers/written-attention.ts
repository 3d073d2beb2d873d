/** An export whose attention is written out (`mistral-optimum`), and other ways to write the same or another one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/common/package.js';
import { dataTypes } from '../../src/onnx/graph/data-types.js';
import { Graph } from '../../src/onnx/graph/graph.js';
import { parseModel } from '../../src/onnx/graph/model-file.js';
import type { ModelProto, NodeProto } from '../../src/onnx/schema/onnx_pb.js';

export function fixture(name: string): { directory: string; model: ModelProto } {
  const directory = join(packageRoot, 'test/fixtures', name);
  const file = join(directory, 'model.onnx');
  return { directory, model: parseModel(readFileSync(file), file) };
}

export const written = fixture('mistral-optimum').directory;

/** The export after an edit of its graph. */
export function edited(edit: (graph: Graph) => void, name = 'mistral-optimum'): ModelProto {
  const { model } = fixture(name);
  const graph = new Graph(model);
  edit(graph);
  model.graph?.valueInfo.splice(0);
  new Graph(model).finish();
  return model;
}

/** At every layer, what the scores become on their way to the softmax. */
export function rescored(
  rewrite: (graph: Graph, parts: { scores: string; mask: string; name: string }) => string,
): ModelProto {
  return edited((graph) => {
    for (const [layer, softmax] of softmaxes(graph).entries()) {
      const [scores = '', mask = ''] = graph.producer(softmax.input[0] ?? '')?.input ?? [];
      graph.setInput(softmax, 0, rewrite(graph, { scores, mask, name: `test/${layer}` }));
    }
  });
}

export function softmaxes(graph: Graph): NodeProto[] {
  return graph.proto.node.filter(({ opType }) => opType === 'Softmax');
}

/** The same export with something that stands in the way of a rewrite: it goes on one row at a time. */
export function unrewritable(name = 'mistral-optimum'): ModelProto {
  return edited((graph) => {
    graph.addOutput(graph.add('Shape', ['past_key_values.0.key'], 'test/past'), dataTypes.int64, ['4']);
  }, name);
}
