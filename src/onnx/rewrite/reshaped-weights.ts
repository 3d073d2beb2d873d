/**
 * Avoids the copy of a weight that an export reads in a second shape through a Reshape, such as an embedding table that
 * is also the LM head. Runtimes compute that Reshape once, into a copy of the whole table; a second initializer for the
 * same place in the weights' file takes no memory.
 */
import { create } from '@bufbuild/protobuf';
import type { Graph } from '../graph/graph.js';
import { attributeOf } from '../graph/node.js';
import { vectorOf } from '../graph/small-constants.js';
import { type NodeProto, type TensorProto, TensorProtoSchema } from '../schema/onnx_pb.js';

/** Replaces each Reshape of a weight in an external file by an initializer. `Graph.finish` then drops the Reshapes. */
export function replaceReshapedWeights(graph: Graph): void {
  for (const node of graph.proto.node) {
    if (node.opType !== 'Reshape') continue;
    const weight = graph.initializer(node.input[0] ?? '');
    const [output = ''] = node.output;
    const dims = weight && reshaped(weight, vectorOf(graph, node.input[1] ?? ''), node);
    if (!weight || !dims || weight.externalData.length === 0) continue;
    graph.addInitializer(create(TensorProtoSchema, { ...weight, name: `${output}/weight`, dims }));
    graph.redirect(output, `${output}/weight`, graph.consumers(output));
  }
}

/**
 * The dimensions of a reshaped weight. In ONNX's Reshape, 0 keeps a dimension unless `allowzero` is set, and one -1
 * stands for what remains. Null for a shape that is not constant, has a zero with `allowzero`, or does not fit the
 * weight.
 */
function reshaped(
  weight: TensorProto,
  shape: readonly number[] | undefined,
  node: NodeProto,
): bigint[] | null {
  if (!shape || (shape.includes(0) && attributeOf(node, 'allowzero') === 1)) return null;
  const dims = shape.map((size, index) => (size === 0 ? (weight.dims[index] ?? 0n) : BigInt(size)));
  const product = (sizes: readonly bigint[]) => sizes.reduce((left, right) => left * right, 1n);
  const rest = dims.indexOf(-1n);
  const known = product(dims.filter((size) => size !== -1n));
  if (rest >= 0 && known > 0n) dims[rest] = product(weight.dims) / known;
  return product(dims) === product(weight.dims) ? dims : null;
}
