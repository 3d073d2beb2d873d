/**
 * The nodes of one activation edit: h <- h + sum_k (add_k + scale_k * <h, v_k>) v_k (design.md, "The
 * activation-edit graph input"). With zero coefficients the sum is zero, and h + 0 is h to the bit.
 */
import { dataTypes, type Graph } from './graph.js';
import type { BlockOutput } from './residual-stream.js';

/** One layer's slices of the steering inputs: vectors [B, K, H], coefficients [B, S, K]. */
export interface LayerSteering {
  readonly vectors: string;
  readonly add: string;
  readonly scale: string;
}

/**
 * Cuts the steering inputs into one piece a layer. Layers and rows are folded into one axis first, so that
 * the pieces come out without a squeeze for each.
 */
export function splitSteeringInputs(graph: Graph, layers: number): LayerSteering[] {
  const pieces = (input: string): string[] => {
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
    const names = Array.from({ length: layers }, (_, layer) => `steerd/${input}_${layer}`);
    graph.addNode(
      'Split',
      [folded],
      names,
      graph.opset >= 18 ? { axis: 0, num_outputs: layers } : { axis: 0 },
    );
    return names;
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
  elementType: number,
): string {
  const name = (part: string) => `steerd/layer_${layer}/${part}`;
  const { node, fused } = output;
  const readers = fused ? [] : [...graph.consumers(node.output[0] ?? '')];
  const stream = fused ? unfuseSum(graph, node, name('block_output')) : (node.output[0] ?? '');
  const float = elementType === dataTypes.float32;
  const h = float ? stream : graph.add('Cast', [stream], name('block_output_float'), { to: 1 });
  const columns = graph.add('Transpose', [steering.vectors], name('directions'), { perm: [0, 2, 1] });
  const projection = graph.add('MatMul', [h, columns], name('projection'));
  const scaled = graph.add('Mul', [steering.scale, projection], name('scaled_projection'));
  const coefficient = graph.add('Add', [steering.add, scaled], name('coefficient'));
  const sum = graph.add('MatMul', [coefficient, steering.vectors], name('edit_float'));
  const edit = float ? sum : graph.add('Cast', [sum], name('edit'), { to: elementType });
  if (fused) {
    // The skip norm adds the edit itself: one node fewer, and the kernel that normalises stays the same.
    graph.setInput(node, 0, stream);
    graph.setInput(node, 1, edit);
  } else {
    graph.redirect(stream, graph.add('Add', [stream, edit], name('edited')), readers);
  }
  return projection;
}

/** The sum a skip norm makes, as a node of its own: input + skip, then the bias if there is one. */
function unfuseSum(graph: Graph, node: BlockOutput['node'], name: string): string {
  const biasIndex = node.opType === 'SkipLayerNormalization' ? 4 : 3;
  const bias = node.input[biasIndex] ?? '';
  const [input = '', skip = ''] = node.input;
  if (!bias) return graph.add('Add', [input, skip], name);
  graph.setInput(node, biasIndex, '');
  return graph.add('Add', [graph.add('Add', [input, skip], `${name}_without_bias`), bias], name);
}
