/**
 * Finds products that quantise their activations: how they do it decides whether the result of one row of a batch
 * depends on the other rows.
 */
import { sumsBlocksOf32Exactly } from '../../common/cpu-features.js';
import type { Graph } from '../graph/graph.js';
import { attributeOf } from '../graph/node.js';
import type { ModelProto, NodeProto } from '../schema/onnx_pb.js';

/**
 * Operators that quantise the whole batch with one scale: the largest activation of all rows decides how each is
 * rounded.
 */
const wholeBatch: ReadonlySet<string> = new Set(['DynamicQuantizeLinear', 'DynamicQuantizeMatMul']);

/** Attribute of MatMulNBits: the precision it computes in. Absent or 0, the kernel may choose. */
export const accuracyLevel = 'accuracy_level';
/** The accuracy level at which activations are quantised to int8, block by block. */
export const int8Level = 4;

/** MatMulNBits' default for the attribute `bits`. */
const defaultBits = 4;

/** Bits of a MatMulNBits node's weights. */
export const bitsOf = (node: NodeProto): number => attributeOf(node, 'bits') ?? defaultBits;

/**
 * For the bits of a weight, the widest blocks with which int8 products give a row the same result to the bit, whatever
 * rows are beside it. Kernels for wider blocks sum in another order for one row than for several. The next product's
 * quantisation of activations magnifies that difference in float32 rounding, so that an answer depends on which others
 * are in the batch. x86 kernels without AVX512-VNNI do so with 4 bits in blocks of 32 already.
 */
export function widestExactBlock(bits: number): number {
  if (bits === 8) return 64;
  if (bits === 4) return sumsBlocksOf32Exactly() ? 32 : 16;
  return 0;
}

/** Whether a MatMulNBits node would give each row the same result at the int8 level, whatever the other rows are. */
export const keepsRowsApart = (node: NodeProto): boolean =>
  (attributeOf(node, 'block_size') ?? Number.POSITIVE_INFINITY) <= widestExactBlock(bitsOf(node));

function multipliesInInt8(node: NodeProto): boolean {
  return node.opType === 'MatMulNBits' && attributeOf(node, accuracyLevel) === int8Level;
}

/** A node that quantises the whole batch with one scale, if there is one. */
export function rowMixingNode(graph: Graph): NodeProto | undefined {
  return graph.proto.node.find(({ opType }) => wholeBatch.has(opType));
}

/**
 * Whether rows of a batch change each other's results by more than float32 rounding: with int8 products in wide blocks,
 * and with activations quantised by one scale for the whole batch (transformers.js' `int8` exports).
 */
export function mixesRows(model: ModelProto): boolean {
  return (model.graph?.node ?? []).some(
    (node) => node.opType === 'DynamicQuantizeLinear' || (multipliesInInt8(node) && !keepsRowsApart(node)),
  );
}

/** Whether any activations are quantised: a difference in their last bit may then become a whole quantisation step. */
export function roundsActivations(graph: Graph): boolean {
  return graph.proto.node.some((node) => wholeBatch.has(node.opType) || multipliesInInt8(node));
}
