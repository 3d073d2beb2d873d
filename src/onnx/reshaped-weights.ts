/**
 * Weights that an export reads under another shape as well, such as an embedding table that is also the LM head.
 * Runtimes compute such a Reshape once, into a copy of the whole table; a second name for the same place in the
 * weights' file costs nothing.
 */
import { create } from '@bufbuild/protobuf';
import { attributeOf, dataTypes, type Graph } from './graph.js';
import { type NodeProto, type TensorProto, TensorProtoSchema } from './schema/onnx_pb.js';

/** Makes each Reshape of a weight in an external file a weight itself. Before `Graph.finish`, which drops the nodes. */
export function nameReshapedWeights(graph: Graph): void {
  for (const node of graph.proto.node) {
    if (node.opType !== 'Reshape') continue;
    const weight = graph.initializer(node.input[0] ?? '');
    const [output = ''] = node.output;
    const dims = weight && reshaped(weight, int64Values(graph, node.input[1] ?? ''), node);
    if (!weight || !dims || weight.externalData.length === 0) continue;
    graph.addInitializer(create(TensorProtoSchema, { ...weight, name: `${output}/weight`, dims }));
    graph.redirect(output, `${output}/weight`, graph.consumers(output));
  }
}

/** ONNX Reshape: 0 keeps a dimension unless `allowzero`, one -1 takes the rest. Null when that is not plain. */
function reshaped(
  weight: TensorProto,
  shape: readonly bigint[] | undefined,
  node: NodeProto,
): bigint[] | null {
  if (!shape || (shape.includes(0n) && attributeOf(node, 'allowzero') === 1)) return null;
  const dims = shape.map((size, index) => (size === 0n ? (weight.dims[index] ?? 0n) : size));
  const product = (sizes: readonly bigint[]) => sizes.reduce((left, right) => left * right, 1n);
  const rest = dims.indexOf(-1n);
  const known = product(dims.filter((size) => size !== -1n));
  if (rest >= 0 && known > 0n) dims[rest] = product(weight.dims) / known;
  return product(dims) === product(weight.dims) ? dims : null;
}

/** What an int64 weight or constant holds; undefined for any other tensor. */
function int64Values(graph: Graph, tensor: string): readonly bigint[] | undefined {
  const constant = graph.producer(tensor)?.attribute.find(({ name }) => name === 'value')?.t;
  const value = graph.initializer(tensor) ?? constant;
  if (!value || value.dataType !== dataTypes.int64 || value.externalData.length > 0) return undefined;
  if (value.int64Data.length > 0) return value.int64Data;
  const { buffer, byteOffset, byteLength } = value.rawData;
  const view = new DataView(buffer, byteOffset, byteLength);
  return Array.from({ length: byteLength / 8 }, (_, index) => view.getBigInt64(index * 8, true));
}
