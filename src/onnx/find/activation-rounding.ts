/** Exports that round activations to few bits before they multiply: how, and what that does to a row of a batch. */
import { attributeOf, type Graph } from '../graph/graph.js';
import type { NodeProto } from '../schema/onnx_pb.js';

/** One scale for all that comes in: a row is rounded by the largest of its neighbours. */
const wholeBatch: ReadonlySet<string> = new Set(['DynamicQuantizeLinear', 'DynamicQuantizeMatMul']);

/** MatMulNBits: how exactly it multiplies; left out or 0, its kernel may choose. */
export const accuracyLevel = 'accuracy_level';
/** Of those levels, the one that rounds activations to int8, block by block. */
export const int8Level = 4;

export function multipliesInInt8(node: NodeProto): boolean {
  return node.opType === 'MatMulNBits' && attributeOf(node, accuracyLevel) === int8Level;
}

/** A node that makes what a row becomes depend on the rows beside it. */
export function rowMixing(graph: Graph): NodeProto | undefined {
  return graph.proto.node.find(({ opType }) => wholeBatch.has(opType));
}

/** Whether the last bit of an activation may turn it into another whole step. */
export function roundsActivations(graph: Graph): boolean {
  return graph.proto.node.some((node) => wholeBatch.has(node.opType) || multipliesInInt8(node));
}
