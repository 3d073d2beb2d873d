/**
 * Recomputes the probabilities of com.microsoft.MultiHeadAttention, which does not give them out, from its inputs:
 * softmax(scale q k' + attention_bias), in float32.
 */
import { dataTypes } from '../graph/data-types.js';
import type { Graph } from '../graph/graph.js';
import { OnnxError } from '../graph/model-file.js';
import { attributeOf } from '../graph/node.js';
import type { NodeProto } from '../schema/onnx_pb.js';

/** Inputs of MultiHeadAttention, by position. */
const mha = { query: 0, key: 1, bias: 3, keyPaddingMask: 4, attentionBias: 5 } as const;
/** Its optional output with past and new keys, [B, heads, T, D]. */
const presentKey = 1;

/**
 * Adds the nodes.
 * @returns the name of the probabilities, float32 [B, heads, S, T]
 * @throws OnnxError for a MultiHeadAttention whose probabilities cannot be recomputed
 */
export function multiHeadProbabilities(graph: Graph, node: NodeProto, layer: number): string {
  for (const [what, input] of [
    ['a bias', mha.bias],
    ['a key padding mask', mha.keyPaddingMask],
  ] as const)
    if (node.input[input])
      throw new OnnxError(`layer ${layer}: MultiHeadAttention with ${what} cannot be captured`);
  if (attributeOf(node, 'unidirectional') === 1)
    throw new OnnxError(`layer ${layer}: MultiHeadAttention with a mask of its own cannot be captured`);
  const key = node.input[mha.key];
  if (!key) throw new OnnxError(`layer ${layer}: MultiHeadAttention with packed inputs cannot be captured`);

  const name = (part: string) => `steerd/capture_${layer}/${part}`;
  const heads = attributeOf(node, 'num_heads') ?? 0;
  const float = (tensor: string, part: string) =>
    graph.add('Cast', [tensor], name(`${part}_float`), { to: dataTypes.float32 });
  /** [B, n, heads * D] split into [B, n, heads, D], then transposed. */
  const split = (tensor: string, part: string, perm: readonly number[]) => {
    const apart = graph.add(
      'Reshape',
      [float(tensor, part), graph.int64([0, 0, heads, -1])],
      name(`${part}_heads`),
    );
    return graph.add('Transpose', [apart], name(part), { perm });
  };
  const query = split(node.input[mha.query] ?? '', 'query', [0, 2, 1, 3]);
  const present = node.output[presentKey];
  const columns = present
    ? graph.add('Transpose', [float(present, 'keys')], name('key_columns'), { perm: [0, 1, 3, 2] })
    : split(key, 'key_columns', [0, 2, 3, 1]);
  const scores = graph.add('MatMul', [query, columns], name('scores'));
  const scaled = scale(graph, node, scores, query, name);
  const bias = node.input[mha.attentionBias];
  const biased = bias ? graph.add('Add', [scaled, float(bias, 'bias')], name('biased')) : scaled;
  return graph.add('Softmax', [biased], name('probabilities'), { axis: -1 });
}

/** The scores multiplied by the node's scale, 1 / sqrt(D) by default. */
function scale(
  graph: Graph,
  node: NodeProto,
  scores: string,
  query: string,
  name: (part: string) => string,
): string {
  const given = attributeOf(node, 'scale') ?? 0;
  if (given !== 0) return graph.add('Mul', [scores, graph.float32(given)], name('scaled'));
  const shape = graph.add('Shape', [query], name('query_shape'));
  const width = graph.add('Gather', [shape, graph.int64(3)], name('head_width'));
  const float = graph.add('Cast', [width], name('head_width_float'), { to: dataTypes.float32 });
  return graph.add('Div', [scores, graph.add('Sqrt', [float], name('head_root'))], name('scaled'));
}
