/**
 * The element type of a tensor inside a graph, read from the nodes that make it: exports seldom declare the
 * types of all their tensors, and a cast in the wrong place is an error only when a session is built.
 */
import { attributeOf, dataTypes, type Graph } from './graph.js';
import { OnnxError } from './model-file.js';

/** Operators whose result has the type of another input than the first. */
const typedByInput: ReadonlyMap<string, number> = new Map([
  ['Where', 1],
  ['DequantizeLinear', 1],
  ['GatherBlockQuantized', 2],
]);

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

/** @returns a TensorProto.DataType. @throws OnnxError when the graph does not tell. */
export function elementTypeOf(graph: Graph, tensor: string): number {
  let name = tensor;
  // As many steps as there are nodes: a graph has no cycles.
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
