/**
 * Captures attention from chosen positions to a span of keys where the graph has the probabilities as a tensor: the
 * Softmax of attention written out in elementary nodes, the optional output of ONNX's Attention, or those recomputed
 * beside a MultiHeadAttention.
 */

import type { LayerCache } from '../find/residual-stream.js';
import { dataTypes } from '../graph/data-types.js';
import type { Graph } from '../graph/graph.js';
import { OnnxError } from '../graph/model-file.js';
import { attributeOf } from '../graph/node.js';
import type { NodeProto } from '../schema/onnx_pb.js';
import { multiHeadProbabilities } from './mha-probabilities.js';

/**
 * The output of ONNX's Attention that gives the matrix chosen by its attribute qk_matmul_output_mode, and that mode.
 */
const attentionMatrix = { output: 3, afterSoftmax: 3 } as const;

export class SoftmaxAttentionCapture {
  // Nodes that all layers share.
  #inSpan: string | null = null;
  #indices: string | null = null;
  #shape: { rows: string; tokens: string } | null = null;

  constructor(readonly graph: Graph) {}

  /**
   * Adds the nodes for one layer.
   * @returns the name of the captured attention, float32 [B, heads, P]
   * @throws OnnxError when no node of the layer gives its probabilities
   */
  layer(cache: LayerCache, layer: number): string {
    const { graph } = this;
    const name = (part: string) => `steerd/capture_${layer}/${part}`;
    const probabilities = this.#probabilities(cache, layer);
    const { rows, tokens } = this.#inputShape();
    const last = graph.int64([-1]);
    const shape = graph.add('Shape', [probabilities], name('probabilities_shape'));
    const keys = graph.add('Gather', [shape, last], name('key_count'));
    // Heads may be an axis with their groups, or folded into the rows: the order in memory is the same.
    const full = graph.add('Concat', [rows, last, tokens, keys], name('heads_shape'), { axis: 0 });
    const heads = graph.add('Reshape', [probabilities, full], name('heads'));
    const byPosition = graph.add('Transpose', [heads], name('by_position'), { perm: [0, 2, 1, 3] });
    const picked = graph.add('GatherND', [byPosition, this.#positions()], name('picked'), { batch_dims: 1 });
    const float = graph.add('Cast', [picked], name('picked_float'), { to: dataTypes.float32 });
    const within = graph.add('Where', [this.#span(keys), float, graph.float32(0)], name('within_span'));
    const sum = graph.add('ReduceSum', [within, last], name('by_position_sum'), { keepdims: 0 });
    return graph.add('Transpose', [sum], name('attention'), { perm: [0, 2, 1] });
  }

  /** The layer's probabilities: [B, heads, S, T], or the same elements with other leading axes. */
  #probabilities(cache: LayerCache, layer: number): string {
    const { graph } = this;
    const own = graph.producer(cache.presentKey);
    // Nodes are in topological order, so the first one downstream of these keys is in this layer.
    const below = graph.descendants([cache.presentKey]);
    const candidates = graph.proto.node.filter(
      (node) => node === own || node.input.some((input) => below.has(input)),
    );
    const found = candidates.find(
      ({ opType, domain }) =>
        opType === 'Softmax' || opType === 'MultiHeadAttention' || (opType === 'Attention' && domain === ''),
    );
    if (found?.opType === 'Softmax') return found.output[0] ?? '';
    if (found?.opType === 'MultiHeadAttention') return multiHeadProbabilities(graph, found, layer);
    if (found) return this.#attentionOutput(found, layer);
    throw new OnnxError(
      `layer ${layer}: attention is ${own?.opType ?? 'missing'}; the capture graft reads GroupQueryAttention, MultiHeadAttention, Attention or a Softmax over the keys`,
    );
  }

  #attentionOutput(node: NodeProto, layer: number): string {
    const mode = attributeOf(node, 'qk_matmul_output_mode') ?? 0;
    if (node.output[attentionMatrix.output] && mode !== attentionMatrix.afterSoftmax)
      throw new OnnxError(
        `layer ${layer}: the attention matrix is given out before its softmax (mode ${mode})`,
      );
    this.graph.setAttribute(node, 'qk_matmul_output_mode', attentionMatrix.afterSoftmax);
    return this.graph.nameOutput(node, attentionMatrix.output, `steerd/capture_${layer}/probabilities`);
  }

  /** B and S, each as an int64 vector of one element. */
  #inputShape(): { rows: string; tokens: string } {
    const { graph } = this;
    if (this.#shape) return this.#shape;
    const ids = graph.add('Shape', ['input_ids'], 'steerd/capture_ids_shape');
    const dimension = (axis: number, part: string) =>
      graph.add('Gather', [ids, graph.int64([axis])], `steerd/capture_ids_${part}`);
    this.#shape = { rows: dimension(0, 'rows'), tokens: dimension(1, 'tokens') };
    return this.#shape;
  }

  /** capture_positions as GatherND indices [B, P, 1]. */
  #positions(): string {
    this.#indices ??= this.graph.add(
      'Unsqueeze',
      ['capture_positions', this.graph.int64([-1])],
      'steerd/capture_attention_indices',
    );
    return this.#indices;
  }

  /** Which keys are in the span: bool [B, 1, 1, T]. All layers have the same number of keys. */
  #span(keys: string): string {
    const { graph } = this;
    if (this.#inSpan) return this.#inSpan;
    const name = (part: string) => `steerd/capture_span/${part}`;
    const count = graph.add('Reshape', [keys, graph.int64([])], name('count'));
    const index = graph.add('Range', [graph.int64(0), count, graph.int64(1)], name('index'));
    const edge = (input: string) => graph.add('Unsqueeze', [input, graph.int64([1, 2, 3])], name(input));
    this.#inSpan = graph.add(
      'And',
      [
        graph.add('GreaterOrEqual', [index, edge('span_start')], name('after_start')),
        graph.add('Less', [index, edge('span_end')], name('before_end')),
      ],
      name('inside'),
    );
    return this.#inSpan;
  }
}
