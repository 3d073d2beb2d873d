/**
 * Lets the tokens of all rows of a batch be one axis, [B S, W] instead of [B, S, W], where nothing looks at more than one
 * token: norms, products, activations and sums. What quantises each token by itself needs that shape, and for a single
 * token every node that only reshapes costs as much as one that computes. Attention and edits see rows, as before.
 */
import { LeadingSizes } from '../find/leading-sizes.js';
import type { Graph } from '../graph/graph.js';
import { attributeOf } from '../graph/node.js';
import { vectorOf } from '../graph/small-constants.js';
import type { NodeProto } from '../schema/onnx_pb.js';

/** How many of an operator's first inputs are tokens; the others are weights. */
const tokenInputs: ReadonlyMap<string, number> = new Map([
  ['SimplifiedLayerNormalization', 1],
  ['SkipSimplifiedLayerNormalization', 2],
  ['SkipLayerNormalization', 2],
  ['MatMulNBits', 1],
  ['Sigmoid', 1],
  ['QuickGelu', 1],
  ['Gelu', 1],
  ['FastGelu', 1],
  ['Tanh', 1],
  ['Erf', 1],
]);
const elementwise: ReadonlySet<string> = new Set(['Add', 'Mul', 'Sub', 'Div']);

/**
 * Edits the graph in place; `Graph.finish` must come after.
 * @param sample a tensor [B, S, W]: the nodes that have the same leading sizes for certain are changed
 * @returns the tensors that are [B S, W] now
 */
export function flattenRows(graph: Graph, sample: string): ReadonlySet<string> {
  const sizes = new LeadingSizes(graph);
  const root = sizes.rootOf(sample);
  const added = addedProducts(graph, (tensor) => sizes.rootOf(tensor) === root);
  const alike = (tensor: string) => added.has(tensor) || sizes.rootOf(tensor) === root;
  const nodes = graph.proto.node.filter(
    (node) => alike(node.output[0] ?? '') && tokensOf(graph, node, alike),
  );
  const chosen = new Set(nodes);
  const flat = new Set(nodes.flatMap(({ output }) => output.filter((name) => name !== '')));
  // A graph's outputs keep their shapes.
  if (nodes.length === 0 || graph.proto.output.some(({ name }) => flat.has(name))) return new Set();

  const name = (part: string) => `${root}/rows_of_tokens/${part}`;
  const shape = graph.add('Shape', [root], name('sizes'));
  const leading = graph.add('Slice', [shape, graph.int64([0]), graph.int64([-1])], name('leading'));
  const apart = graph.add('Concat', [leading, graph.int64([-1])], name('apart'), { axis: 0 });
  const withAxis = graph.add('Concat', [leading, graph.int64([1, -1])], name('with_axis'), { axis: 0 });

  const flattened = new Map<string, string>();
  for (const node of nodes)
    for (const index of tokensOf(graph, node, alike) ?? []) {
      const tensor = node.input[index] ?? '';
      if (flat.has(tensor)) continue;
      // ONNX Runtime infers a wrong width of attention whose q, k and v are packed; a product knows its own.
      const width = attributeOf(node, 'K');
      const [operator, more] = width ? ['Reshape', [graph.int64([-1, width])]] : ['Flatten', []];
      const known =
        flattened.get(tensor) ??
        graph.add(operator, [tensor, ...more], `${tensor}/tokens`, width ? {} : { axis: 2 });
      flattened.set(tensor, known);
      graph.setInput(node, index, known);
    }
  for (const tensor of flat) {
    const others = graph.consumers(tensor).filter((node) => !chosen.has(node));
    if (others.length === 0) continue;
    for (const node of others) {
      if (node.opType !== 'Unsqueeze' || vectorOf(graph, node.input[1] ?? '')?.join() !== '2') continue;
      const [output = ''] = node.output;
      const readers = [...graph.consumers(output)];
      graph.redirect(output, graph.add('Reshape', [tensor, withAxis], `${output}/rows`), readers);
    }
    const rest = others.filter(
      (node) => node.opType !== 'Unsqueeze' || graph.consumers(node.output[0] ?? '').length > 0,
    );
    if (rest.length > 0)
      graph.redirect(tensor, graph.add('Reshape', [tensor, apart], `${tensor}/rows`), rest);
  }
  graph.dropShapes(flat);
  return new Set([...flat, ...flattened.values()]);
}

/**
 * Products that a norm adds to what is alike, and what they read, have those sizes too: attention that is computed in parts
 * (split-attention.ts) is put together by a node that does not tell.
 */
function addedProducts(graph: Graph, alike: (tensor: string) => boolean): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { opType, input } of graph.proto.node) {
    if (tokenInputs.get(opType) !== 2 || !alike(input[0] ?? '')) continue;
    const product = graph.producer(input[1] ?? '');
    if (product?.opType !== 'MatMulNBits') continue;
    for (const tensor of [product.output[0], product.input[0]]) if (tensor) found.add(tensor);
  }
  return found;
}

/** The numbers of a node's inputs that are tokens; null for a node that must see them as they are. */
function tokensOf(
  graph: Graph,
  node: NodeProto,
  alike: (tensor: string) => boolean,
): readonly number[] | null {
  const count = tokenInputs.get(node.opType);
  if (count !== undefined) return Array.from({ length: count }, (_, index) => index);
  if (!elementwise.has(node.opType)) return null;
  const varying = [0, 1].filter((index) => !isVector(graph, node.input[index] ?? ''));
  return varying.length > 0 && varying.every((index) => alike(node.input[index] ?? '')) ? varying : null;
}

/** Whether a tensor is a weight of one axis at most. */
const isVector = (graph: Graph, tensor: string): boolean => {
  const weight = graph.initializer(tensor);
  return weight !== undefined && weight.dims.length <= 1;
};
