/**
 * The nodes of an activation edit: h <- h + sum_k (add_k + scale_k <h, v_k>) v_k (docs/activation-edit.md). With zero
 * coefficients the sum is zero, and h + 0 equals h to the bit.
 */

import type { BlockOutput } from '../find/residual-stream.js';
import { dataTypes } from '../graph/data-types.js';
import type { Graph } from '../graph/graph.js';
import { sliceLayers } from './fixed-shapes.js';

/** The steering inputs of one layer, as tensors' names: vectors [B, K, H], add and scale [B, S, K]. */
interface LayerSteering {
  readonly vectors: string;
  readonly add: string;
  readonly scale: string;
}

/**
 * Splits the steering inputs by layers. They are reshaped to [L B, ...] first, so that no part needs a Squeeze.
 * @param onDevice whether to split them with nodes that every device has, and without computing shapes
 */
export function splitSteeringInputs(graph: Graph, layers: number, onDevice = false): LayerSteering[] {
  const names = (input: string) => Array.from({ length: layers }, (_, layer) => `steerd/${input}_${layer}`);
  const split = (input: string): string[] => {
    if (onDevice) {
      sliceLayers(graph, input, names(input));
      return names(input);
    }
    const lastTwo = graph.add(
      'Slice',
      [
        graph.add('Shape', [input], `steerd/${input}_shape`),
        graph.int64([2]),
        graph.int64([4]),
        graph.int64([0]),
      ],
      `steerd/${input}_last_two`,
    );
    const shape = graph.add('Concat', [graph.int64([-1]), lastTwo], `steerd/${input}_folded_shape`, {
      axis: 0,
    });
    const folded = graph.add('Reshape', [input, shape], `steerd/${input}_folded`, { allowzero: 1 });
    if (layers === 1) return [folded];
    graph.addNode(
      'Split',
      [folded],
      names(input),
      graph.opset >= 18 ? { axis: 0, num_outputs: layers } : { axis: 0 },
    );
    return names(input);
  };
  const [vectors, add, scale] = [split('steering_vectors'), split('steering_add'), split('steering_scale')];
  return vectors.map((name, layer) => ({
    vectors: name,
    add: add[layer] ?? '',
    scale: scale[layer] ?? '',
  }));
}

/**
 * Inserts the edit at a block's output.
 * @param tokens of every run of one row, whose edits are then computed as those of as many decode steps; 1 for any run
 * @returns the name of the projections <h, v_k> of the hidden states before the edit, float32 [B, S, K]
 */
export function insertEdit(
  graph: Graph,
  output: BlockOutput,
  layer: number,
  steering: LayerSteering,
  tokens = 1,
): string {
  const name = (part: string) => `steerd/layer_${layer}/${part}`;
  const { node, fused, elementType } = output;
  const readers = fused ? [] : [...graph.consumers(node.output[0] ?? '')];
  const stream = fused ? sumOf(graph, node, name('block_output')) : (node.output[0] ?? '');
  const float = elementType === dataTypes.float32;
  const h = float ? stream : graph.add('Cast', [stream], name('block_output_float'), { to: 1 });
  const projection = project(graph, h, steering.vectors, name);
  const scaled = graph.add('Mul', [steering.scale, projection], name('scaled_projection'));
  const coefficient = graph.add('Add', [steering.add, scaled], name('coefficient'));
  const sum =
    tokens > 1
      ? sumOfEach(graph, coefficient, steering.vectors, tokens, name)
      : graph.add('MatMul', [coefficient, steering.vectors], name('edit_float'));
  const edit = float ? sum : graph.add('Cast', [sum], name('edit'), { to: elementType });
  if (!fused) graph.redirect(stream, graph.add('Add', [stream, edit], name('edited')), readers);
  else if (float) {
    // The skip norm adds the edit: it saves a node, and the norm is still computed by the same kernel.
    graph.setInput(node, 0, stream);
    graph.setInput(node, 1, edit);
    if (biasOf(node)) graph.setInput(node, biasIndex(node), '');
  } else {
    // A half-precision kernel may keep its sum in float32 until it is normalised, so the skip norm must compute the
    // sum.
    graph.setInput(node, 1, graph.add('Add', [node.input[1] ?? '', edit], name('edited_skip')));
  }
  return projection;
}

/**
 * <h, v_k> [B, S, K], as an elementwise product and a sum. A matrix product would choose its kernel by K, the most
 * concepts of any row in the batch, so that a row's result would depend in its last bits on how other rows are steered.
 */
function project(graph: Graph, h: string, vectors: string, name: (part: string) => string): string {
  const states = graph.add('Unsqueeze', [h, graph.int64([2])], name('states'));
  const directions = graph.add('Unsqueeze', [vectors, graph.int64([1])], name('directions'));
  const products = graph.add('Mul', [states, directions], name('products'));
  // Axis 3, not -1: with K = 0 ORT's ReduceSum does not count axes from the end.
  return graph.add('ReduceSum', [products, graph.int64([3])], name('projection'), { keepdims: 0 });
}

/**
 * sum_k c_k v_k of each token as a product of its own: several tokens in one product add their terms in another order than
 * one token's does.
 */
function sumOfEach(
  graph: Graph,
  coefficient: string,
  vectors: string,
  tokens: number,
  name: (part: string) => string,
): string {
  const perm = [1, 0, 2];
  const each = graph.add('Transpose', [coefficient], name('coefficient_of_each'), { perm });
  const same = graph.add('Expand', [vectors, graph.int64([tokens, 1, 1])], name('vectors_of_each'));
  const sums = graph.add('MatMul', [each, same], name('edit_of_each'));
  return graph.add('Transpose', [sums], name('edit_float'), { perm });
}

/** Nodes for the sum that a skip norm computes: input + skip, then + bias if it has one. */
function sumOf(graph: Graph, node: BlockOutput['node'], name: string): string {
  const [input = '', skip = ''] = node.input;
  const bias = biasOf(node);
  if (!bias) return graph.add('Add', [input, skip], name);
  return graph.add('Add', [graph.add('Add', [input, skip], `${name}_without_bias`), bias], name);
}

/** The number of a skip norm's input `bias`, which is part of the sum. */
function biasIndex(node: BlockOutput['node']): number {
  return node.opType === 'SkipLayerNormalization' ? 4 : 3;
}

function biasOf(node: BlockOutput['node']): string {
  return node.input[biasIndex(node)] ?? '';
}
