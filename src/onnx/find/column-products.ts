/**
 * Finds the products of an export whose 8-bit weights can be multiplied by column: MatMulNBits at the int8 level, or with
 * the level left open, with float32 scales. Products that read the same activations make one group, which quantises
 * them once.
 */
import { dataTypes } from '../graph/data-types.js';
import { Graph } from '../graph/graph.js';
import { attributeOf } from '../graph/node.js';
import type { ModelProto, NodeProto, TensorProto } from '../schema/onnx_pb.js';
import { accuracyLevel, bitsOf, int8Level } from './activation-rounding.js';

/** One product: activations [.., k] times weights [k, n], the weights in blocks along k. */
export interface ColumnProduct {
  /** The tensor that it makes, which names it. */
  readonly output: string;
  readonly k: number;
  readonly n: number;
  readonly block: number;
  /** uint8 [n, blocks, block]. */
  readonly weight: TensorProto;
  /** float32, n x blocks. */
  readonly scales: TensorProto;
  /** uint8, n x blocks; undefined where all are 128. */
  readonly zeroPoints: TensorProto | undefined;
}

/** Products of the same activations. */
export interface ProductGroup {
  /** The output of its first product: a graft renames activations, but no product's output. */
  readonly name: string;
  /** The tensor of activations. */
  readonly input: string;
  readonly k: number;
  readonly products: readonly ColumnProduct[];
}

/** In the order of the graph. */
export function columnProducts(model: ModelProto): ProductGroup[] {
  const graph = new Graph(model);
  const groups = new Map<string, ProductGroup & { products: ColumnProduct[] }>();
  for (const node of graph.proto.node) {
    const product = productOf(graph, node);
    if (!product) continue;
    const input = node.input[0] ?? '';
    const group = groups.get(input) ?? { name: product.output, input, k: product.k, products: [] };
    groups.set(input, group);
    group.products.push(product);
  }
  return [...groups.values()];
}

function productOf(graph: Graph, node: NodeProto): ColumnProduct | null {
  const level = attributeOf(node, accuracyLevel) ?? 0;
  if (node.opType !== 'MatMulNBits' || bitsOf(node) !== 8 || ![0, int8Level].includes(level)) return null;
  // A group index or a bias follows.
  if (node.input.slice(4).some((name) => name !== '')) return null;
  const [, weight, scales, zeroPoints] = node.input.map((name) => graph.initializer(name));
  if (weight?.dataType !== dataTypes.uint8 || scales?.dataType !== dataTypes.float32) return null;
  if (node.input[3] && zeroPoints?.dataType !== dataTypes.uint8) return null;
  const [k, n, block] = ['K', 'N', 'block_size'].map((name) => attributeOf(node, name) ?? 0);
  if (!k || !n || !block) return null;
  return { output: node.output[0] ?? '', k, n, block, weight, scales, zeroPoints };
}
