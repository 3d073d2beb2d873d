/**
 * Infers the element type of a tensor inside a graph from the nodes that compute it. Exports seldom declare the types
 * of all their tensors, and a missing or needless cast would be an error only when a session is created.
 */
import { dataTypes } from './data-types.js';
import type { Graph } from './graph.js';
import { OnnxError } from './model-file.js';
import { attributeOf } from './node.js';

/** Operators whose output has the type of an input other than the first. */
const typedByInput: ReadonlyMap<string, number> = new Map([
  ['Where', 1],
  ['DequantizeLinear', 1],
  ['GatherBlockQuantized', 2],
]);

/** Operators whose output always has the same type. */
const fixedTypes: ReadonlyMap<string, number> = new Map([
  ['Shape', dataTypes.int64],
  ['Size', dataTypes.int64],
  ['MatMulInteger', dataTypes.int32],
  ['Equal', dataTypes.bool],
  ['Less', dataTypes.bool],
  ['LessOrEqual', dataTypes.bool],
  ['Greater', dataTypes.bool],
  ['GreaterOrEqual', dataTypes.bool],
  ['DynamicQuantizeMatMul', dataTypes.float32],
  ['MatMulIntegerToFloat', dataTypes.float32],
]);

/**
 * @returns a TensorProto.DataType
 * @throws OnnxError when it cannot be inferred
 */
export function elementTypeOf(graph: Graph, tensor: string): number {
  let name = tensor;
  // A path has at most as many steps as there are nodes, because a graph has no cycles.
  for (let step = 0; step <= graph.proto.node.length; step++) {
    const weight = graph.initializer(name);
    if (weight) return weight.dataType;
    const declared = graph.proto.input.find((input) => input.name === name)?.type?.value;
    if (declared?.case === 'tensorType') return declared.value.elemType;
    const node = graph.producer(name);
    if (!node) break;
    const to = node.opType === 'Cast' ? attributeOf(node, 'to') : fixedTypes.get(node.opType);
    if (to !== undefined) return to;
    const value = node.attribute.find((entry) => entry.name === 'value')?.t;
    if (value) return value.dataType;
    name = node.input[typedByInput.get(node.opType) ?? 0] ?? '';
  }
  throw new OnnxError(`the element type of ${tensor} cannot be told: nothing makes ${name || 'its source'}`);
}
