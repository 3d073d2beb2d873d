/**
 * The nodes of one activation edit: h <- h + sum_k (add_k + scale_k * <h, v_k>) v_k (docs/activation-edit.md). With
 * zero coefficients the sum is zero, and h + 0 is h to the bit.
 */

import type { BlockOutput } from '../find/residual-stream.js';
import { dataTypes, type Graph } from '../graph/graph.js';
import { sliceLayers } from './fixed-shapes.js';

/** One layer's slices of the steering inputs: vectors [B, K, H], coefficients [B, S, K]. */
export interface LayerSteering {
  readonly vectors: string;
  readonly add: string;
  readonly scale: string;
}

/**
 * Cuts the steering inputs into one piece a layer. Layers and rows are folded into one axis first, so that
 * the pieces come out without a squeeze for each.
 * @param onDevice whether to cut them with nodes that every device has, and without working out shapes.
 */
export function splitSteeringInputs(graph: Graph, layers: number, onDevice = false): LayerSteering[] {
  const names = (input: string) => Array.from({ length: layers }, (_, layer) => `steerd/${input}_${layer}`);
  const pieces = (input: string): string[] => {
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
  const [vectors, add, scale] = [
    pieces('steering_vectors'),
    pieces('steering_add'),
    pieces('steering_scale'),
  ];
  return vectors.map((name, layer) => ({
    vectors: name,
    add: add[layer] ?? '',
    scale: scale[layer] ?? '',
  }));
}

/**
 * Inserts the edit at a block's output and returns the name of the projections <h, v_k> [B, S, K], taken
 * before the edit.
 */
export function insertEdit(
  graph: Graph,
  output: BlockOutput,
  layer: number,
  steering: LayerSteering,
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
  const sum = graph.add('MatMul', [coefficient, steering.vectors], name('edit_float'));
  const edit = float ? sum : graph.add('Cast', [sum], name('edit'), { to: elementType });
  if (!fused) graph.redirect(stream, graph.add('Add', [stream, edit], name('edited')), readers);
  else if (float) {
    // The skip norm adds the edit itself: one node fewer, and the kernel that normalises stays the same.
    graph.setInput(node, 0, stream);
    graph.setInput(node, 1, edit);
    if (biasOf(node)) graph.setInput(node, biasIndex(node), '');
  } else {
    // A half-precision kernel may keep its sum in float32 until it is normalised: the sum must stay inside.
    graph.setInput(node, 1, graph.add('Add', [node.input[1] ?? '', edit], name('edited_skip')));
  }
  return projection;
}

/**
 * <h, v_k> [B, S, K] as a product and a sum, each on its own: a matrix product picks its kernel by K, and a
 * row's answer would change in its last bits with what its neighbours in the batch are steered by.
 */
function project(graph: Graph, h: string, vectors: string, name: (part: string) => string): string {
  const states = graph.add('Unsqueeze', [h, graph.int64([2])], name('states'));
  const directions = graph.add('Unsqueeze', [vectors, graph.int64([1])], name('directions'));
  const products = graph.add('Mul', [states, directions], name('products'));
  // Axis 3, not -1: with K = 0 ORT's ReduceSum does not count axes from the end.
  return graph.add('ReduceSum', [products, graph.int64([3])], name('projection'), { keepdims: 0 });
}

/** The sum a skip norm makes, as a tensor of its own: input + skip, then the bias if there is one. */
function sumOf(graph: Graph, node: BlockOutput['node'], name: string): string {
  const [input = '', skip = ''] = node.input;
  const bias = biasOf(node);
  if (!bias) return graph.add('Add', [input, skip], name);
  return graph.add('Add', [graph.add('Add', [input, skip], `${name}_without_bias`), bias], name);
}

/** Input of a skip norm that is added to the sum. */
function biasIndex(node: BlockOutput['node']): number {
  return node.opType === 'SkipLayerNormalization' ? 4 : 3;
}

function biasOf(node: BlockOutput['node']): string {
  return node.input[biasIndex(node)] ?? '';
}
