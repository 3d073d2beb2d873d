/**
 * Multiplies channels of activations before they are quantised without a node for it, where something before them can do
 * it: a norm's gains, or the column scales of a product whose output is only multiplied into them.
 */
import type { ProductGroup } from '../find/column-products.js';
import { dataTypes } from '../graph/data-types.js';
import type { Graph } from '../graph/graph.js';
import type { NodeProto } from '../schema/onnx_pb.js';

/** The number of a norm's input with its gains. */
const gains: ReadonlyMap<string, number> = new Map([
  ['SimplifiedLayerNormalization', 1],
  ['SkipSimplifiedLayerNormalization', 2],
]);

/**
 * Multiplies a norm's gains by `factors`, if the group's products alone read what it makes.
 * @returns whether that was done
 */
export function foldIntoNorm(graph: Graph, group: ProductGroup, factors: Float32Array): boolean {
  const norm = graph.producer(group.input);
  const index = gains.get(norm?.opType ?? '');
  if (!norm || index === undefined || norm.output[0] !== group.input || !readAlone(graph, group))
    return false;
  const weight = graph.initializer(norm.input[index] ?? '');
  if (weight?.dataType !== dataTypes.float32) return false;
  // Of two constants: ONNX Runtime multiplies them once.
  const inputs = [weight.name, graph.floats(`${group.name}/rows/factors`, factors)];
  graph.setInput(norm, index, graph.add('Mul', inputs, `${group.name}/rows/gains`));
  return true;
}

/**
 * The product by column whose scales can be multiplied by the group's factors: it is one of two factors of the group's
 * activations, and nothing else reads it or them.
 */
export function factorProduct(
  graph: Graph,
  group: ProductGroup,
  isByColumn: (output: string) => boolean,
): string | undefined {
  const product = graph.producer(group.input);
  if (product?.opType !== 'Mul' || !readAlone(graph, group)) return undefined;
  return product.input.find(
    (tensor) => isByColumn(tensor) && graph.consumers(tensor).every((reader) => reader === product),
  );
}

function readAlone(graph: Graph, { input, products }: ProductGroup): boolean {
  const outputs = new Set(products.map(({ output }) => output));
  const isIts = ({ output }: NodeProto) => outputs.has(output[0] ?? '');
  return graph.consumers(input).every(isIts) && !graph.proto.output.some(({ name }) => name === input);
}
