/** The messages that a graph consists of: a node's attributes and inputs, and the description of an input or output. */
import { create } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../schema/onnx_pb.js';

/** An attribute's value: a number is an INT, `{ float }` a FLOAT, a list INTS, a tensor a TENSOR. */
export type AttributeValue = number | string | readonly number[] | { float: number } | TensorProto;

/** The value of a node's INT or FLOAT attribute; undefined when it does not have that attribute. */
export function attributeOf(node: NodeProto, name: string): number | undefined {
  const found = node.attribute.find((entry) => entry.name === name);
  if (!found) return undefined;
  return found.type === AttributeProto_AttributeType.FLOAT ? found.f : Number(found.i);
}

export function newAttribute(name: string, value: AttributeValue) {
  const types = AttributeProto_AttributeType;
  if (typeof value === 'number')
    return create(AttributeProtoSchema, { name, type: types.INT, i: BigInt(value) });
  if (typeof value === 'string')
    return create(AttributeProtoSchema, { name, type: types.STRING, s: new TextEncoder().encode(value) });
  if ('float' in value) return create(AttributeProtoSchema, { name, type: types.FLOAT, f: value.float });
  if ('dims' in value) return create(AttributeProtoSchema, { name, type: types.TENSOR, t: value });
  return create(AttributeProtoSchema, { name, type: types.INTS, ints: value.map(BigInt) });
}

/** The tensors that a node reads, those read in its branches (If, Loop) included; "" for inputs that are left out. */
export function tensorsRead(node: NodeProto): string[] {
  const inner = node.attribute.flatMap((entry) => (entry.g ? [entry.g, ...entry.graphs] : entry.graphs));
  return [...node.input, ...inner.flatMap((graph) => graph.node.flatMap(tensorsRead))];
}

/** Whether a node's output depends on its input's shape and not on the values in it. */
export function readsOnlyShapes(node: NodeProto): boolean {
  return node.opType === 'Shape' || node.opType === 'Size';
}

/**
 * Makes a node read `to` wherever it reads `from`, also in its branches: names are unique across a graph and its
 * branches.
 */
export function replaceInput(node: NodeProto, from: string, to: string): void {
  node.input = node.input.map((input) => (input === from ? to : input));
  for (const { g, graphs } of node.attribute)
    for (const graph of g ? [g, ...graphs] : graphs)
      for (const inner of graph.node) replaceInput(inner, from, to);
}

/**
 * Describes a tensor that is an input or output of the graph.
 * @param elemType a TensorProto.DataType
 * @param shape sizes in digits, or names of sizes that are open
 */
export function newValueInfo(name: string, elemType: number, shape: readonly string[]): ValueInfoProto {
  const dim = shape.map((size) => {
    const fixed = /^\d+$/.test(size);
    return {
      value: fixed
        ? ({ case: 'dimValue', value: BigInt(size) } as const)
        : ({ case: 'dimParam', value: size } as const),
    };
  });
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } },
  });
}
