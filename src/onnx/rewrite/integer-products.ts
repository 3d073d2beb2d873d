/**
 * MatMulNBits in 8 bits where an export leaves the arithmetic open (`accuracy_level` absent or 0, as exports made for
 * the browser have it): level 4 quantises activations to int8, block by block, for which the CPU has kernels many times
 * faster than those that unpack the weights to float32. A level that the export declares is its maker's choice.
 */
import { create } from '@bufbuild/protobuf';
import { accuracyLevel, int8Level, multipliesInInt8 } from '../find/activation-rounding.js';
import { attributeOf } from '../graph/graph.js';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type ModelProto,
  type NodeProto,
} from '../schema/onnx_pb.js';

const defaultBits = 4;

/**
 * By the bits of a weight, the widest blocks whose level 4 gives a row the same result to the bit, whatever rows stand
 * beside it. Wider ones sum in another order for one row than for several, and what float32 rounds away there the next
 * activations' quantisation makes large: an answer comes to depend on who else is served.
 */
const steadyBlocks: ReadonlyMap<number, number> = new Map([
  [4, 32],
  [8, 64],
]);

export interface IntegerProducts {
  /** The model itself when nothing was set; else it shares its weights with it. */
  readonly model: ModelProto;
  /** Products that are computed in 8 bits now. */
  readonly set: number;
  /** Open ones that are not, for their wide blocks. */
  readonly left: number;
}

/** @param all Sets 4-bit weights in wide blocks, too; 8-bit ones always are: without it they have no kernel of use. */
export function multiplyInIntegers(model: ModelProto, all: boolean): IntegerProducts {
  const { graph } = model;
  const open = graph?.node.filter(isOpen) ?? [];
  const chosen = new Set(all ? open : open.filter((node) => bitsOf(node) === 8 || isSteady(node)));
  const counts = { set: chosen.size, left: open.length - chosen.size };
  if (!graph || chosen.size === 0) return { model, ...counts };
  const node = graph.node.map((one) => (chosen.has(one) ? inInt8(one) : one));
  return { model: { ...model, graph: { ...graph, node } }, ...counts };
}

const bitsOf = (node: NodeProto) => attributeOf(node, 'bits') ?? defaultBits;

const isSteady = (node: NodeProto) =>
  (attributeOf(node, 'block_size') ?? Number.POSITIVE_INFINITY) <= (steadyBlocks.get(bitsOf(node)) ?? 0);

/**
 * Whether rows of a batch change each other's results by more than float32 rounds: 8-bit products in wide blocks do, and
 * activations that are quantised by one scale for the whole batch (transformers.js' `int8`).
 */
export function mixesRows(model: ModelProto): boolean {
  return (model.graph?.node ?? []).some(
    (node) => node.opType === 'DynamicQuantizeLinear' || (multipliesInInt8(node) && !isSteady(node)),
  );
}

/** Of the bits whose kernels were measured (docs/models.md). */
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
