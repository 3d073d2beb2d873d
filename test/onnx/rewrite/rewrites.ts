/** Other ways to write the tiny exports: what other exporters would make of the same model. */
import { create } from '@bufbuild/protobuf';
import { dataTypes } from '../../../src/onnx/graph/data-types.js';
import { Graph } from '../../../src/onnx/graph/graph.js';
import { attributeOf } from '../../../src/onnx/graph/node.js';
import { type ModelProto, type NodeProto, TensorProtoSchema } from '../../../src/onnx/schema/onnx_pb.js';

/** Adds a float32 weight that is stored in the graph. */
export function addWeight(model: ModelProto, name: string, values: readonly number[]): string {
  model.graph?.initializer.push(
    create(TensorProtoSchema, {
      name,
      dataType: dataTypes.float32,
      dims: [BigInt(values.length)],
      floatData: [...values],
    }),
  );
  return name;
}

/** Makes a node through `rewrite` out of every skip norm; the skip norm itself is dropped. */
function replaceSkipNorms(
  model: ModelProto,
  rewrite: (graph: Graph, parts: { sum: string; norm: string; weight: string; epsilon: number }) => void,
): ModelProto {
  const { graph: proto } = model;
  if (!proto) throw new Error('no graph');
  const isSkipNorm = (node: NodeProto) => node.opType === 'SkipSimplifiedLayerNormalization';
  const skipNorms = proto.node.filter(isSkipNorm);
  proto.node = proto.node.filter((node) => !isSkipNorm(node));
  const graph = new Graph(model);
  for (const node of skipNorms) {
    const [input = '', skip = '', weight = ''] = node.input;
    const norm = node.output[0] ?? '';
    const sum = graph.add('Add', [input, skip], node.output[3] || `${norm}/sum`);
    rewrite(graph, { sum, norm, weight, epsilon: attributeOf(node, 'epsilon') ?? 0 });
  }
  graph.finish();
  return model;
}

/** Add, then the norm as a node of its own. */
export function unfused(model: ModelProto): ModelProto {
  return replaceSkipNorms(model, (graph, { sum, norm, weight, epsilon }) =>
    graph.add('SimplifiedLayerNormalization', [sum, weight], norm, { epsilon: { float: epsilon }, axis: -1 }),
  );
}

/** Add, then the norm in elementary nodes that read the stream through an Identity. */
export function decomposed(model: ModelProto): ModelProto {
  return replaceSkipNorms(model, (graph, { sum, norm, weight, epsilon }) => {
    const x = graph.add('Identity', [sum], `${norm}/x`);
    const square = graph.add('Mul', [x, x], `${norm}/square`);
    const mean = graph.add('ReduceMean', [square, graph.int64([-1])], `${norm}/mean`);
    const shifted = graph.add('Add', [mean, graph.float32(epsilon)], `${norm}/shifted`);
    const root = graph.add('Sqrt', [shifted], `${norm}/root`);
    const scaled = graph.add('Div', [x, root], `${norm}/scaled`);
    graph.add('Mul', [weight, scaled], norm);
  });
}

/** Every skip norm adds a bias, which the skip it gets lacks: the same sums. */
export function biased(model: ModelProto, hidden: number): ModelProto {
  const graph = new Graph(model);
  const bias = addWeight(
    model,
    'test/bias',
    Array.from({ length: hidden }, (_, i) => Math.sin(i) / 10),
  );
  for (const node of model.graph?.node.filter((made) => made.opType === 'SkipSimplifiedLayerNormalization') ??
    []) {
    const [, skip = '', weight = ''] = node.input;
    node.input = [node.input[0] ?? '', graph.add('Sub', [skip, bias], `${skip}/without_bias`), weight, bias];
  }
  const again = new Graph(model);
  again.finish();
  return model;
}

/** Skip norms that also subtract the mean: another model, whose sums are the same kind of stream. */
export function centred(model: ModelProto, hidden: number, bias: boolean): ModelProto {
  const zeros = addWeight(model, 'test/beta', new Array<number>(hidden).fill(0));
  const values = Array.from({ length: hidden }, (_, i) => Math.sin(i) / 10);
  const added = bias ? addWeight(model, 'test/bias', values) : '';
  for (const node of model.graph?.node ?? [])
    if (node.opType === 'SkipSimplifiedLayerNormalization') {
      node.opType = 'SkipLayerNormalization';
      node.input = [...node.input.slice(0, 3), zeros, added];
    }
  return model;
}

/** The residual stream and its norms in half precision, the rest as it was. */
export function halved(model: ModelProto): ModelProto {
  const { graph: proto } = model;
  if (!proto) throw new Error('no graph');
  const graph = new Graph(model);
  const half = new Set<string>();
  const toHalf = (tensor: string) => {
    const name = `${tensor}/half`;
    return graph.producer(name) ? name : graph.add('Cast', [tensor], name, { to: dataTypes.float16 });
  };
  const norms = proto.node.filter((node) => /SimplifiedLayerNormalization$/.test(node.opType));
  const stream = new Set(norms.flatMap((node) => (node.output[3] ? [node.output[3]] : [])));
  for (const node of norms) {
    const fused = node.opType.startsWith('Skip');
    const width = fused ? 3 : 2;
    for (let index = 0; index < width; index++) {
      const input = node.input[index] ?? '';
      if (!stream.has(input)) graph.setInput(node, index, toHalf(input));
    }
    const [norm = ''] = node.output;
    const readers = [...graph.consumers(norm)];
    graph.redirect(norm, graph.add('Cast', [norm], `${norm}/float`, { to: dataTypes.float32 }), readers);
    for (const output of node.output) half.add(output);
  }
  for (const { name, type } of proto.valueInfo)
    if (half.has(name) && type?.value.case === 'tensorType') type.value.value.elemType = dataTypes.float16;
  graph.finish();
  return model;
}
