/**
 * Makes MatMulNBits compute in int8 where an export leaves the precision open (`accuracy_level` absent or 0, as in
 * exports for the browser). At level 4 activations are quantised to int8 block by block, for which the CPU has kernels
 * many times faster than those that unpack the weights to float32. A level that the export declares is kept.
 */
import { create } from '@bufbuild/protobuf';
import { accuracyLevel, bitsOf, int8Level, keepsRowsApart } from '../find/activation-rounding.js';
import { attributeOf } from '../graph/node.js';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type ModelProto,
  type NodeProto,
} from '../schema/onnx_pb.js';

export interface IntegerProducts {
  /** The given model itself when nothing was changed; else a copy that shares its weights. */
  readonly model: ModelProto;
  /** Number of products that now compute in int8. */
  readonly set: number;
  /** Number of open ones that were left as they were because of their wide blocks. */
  readonly left: number;
}

/**
 * @param all whether to change 4-bit weights in wide blocks too, with which rows of a batch influence each other. 8-bit
 *   weights are always changed: the CPU has no usable kernel for them otherwise.
 */
export function multiplyInIntegers(model: ModelProto, all: boolean): IntegerProducts {
  const { graph } = model;
  const open = graph?.node.filter(isOpen) ?? [];
  const chosen = new Set(all ? open : open.filter((node) => bitsOf(node) === 8 || keepsRowsApart(node)));
  const counts = { set: chosen.size, left: open.length - chosen.size };
  if (!graph || chosen.size === 0) return { model, ...counts };
  const node = graph.node.map((one) => (chosen.has(one) ? inInt8(one) : one));
  return { model: { ...model, graph: { ...graph, node } }, ...counts };
}

/** Whether the precision is open and the weights have a number of bits whose kernels were measured (docs/models.md). */
function isOpen(node: NodeProto): boolean {
  const open = (attributeOf(node, accuracyLevel) ?? 0) === 0;
  return node.opType === 'MatMulNBits' && open && [4, 8].includes(bitsOf(node));
}

function inInt8(node: NodeProto): NodeProto {
  const level = create(AttributeProtoSchema, {
    name: accuracyLevel,
    type: AttributeProto_AttributeType.INT,
    i: BigInt(int8Level),
  });
  return { ...node, attribute: [...node.attribute.filter(({ name }) => name !== accuracyLevel), level] };
}
