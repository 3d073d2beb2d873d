/**
 * The serving graft: an export with inputs for activation edits, which computes logits only at the positions asked for.
 * Inputs added: steering_vectors [L, B, K, H], steering_add and steering_scale [L, B, S, K], logit_positions int64 [B,
 * P]. Output added: steering_projection [L, B, S, K]. `logits` becomes [B, P, V]. All other names are the export's, and
 * the weights stay in their files. (L layers, B rows of the batch, S new tokens, K concepts, H hidden size, P
 * positions, V vocabulary.)
 *
 * With fixed shapes (fixed-shapes.ts), for runs captured as device graphs, logit_positions index the tokens of all
 * rows, 0 to B S - 1, and attention_lengths int32 [B] and attention_span int32 [1] replace the attention mask.
 */
import type { BlockOutput } from '../find/residual-stream.js';
import { dataTypes } from '../graph/data-types.js';
import type { Graph } from '../graph/graph.js';
import { OnnxError } from '../graph/model-file.js';
import type { ModelProto, NodeProto } from '../schema/onnx_pb.js';
import { insertEdit, splitSteeringInputs } from './activation-edit.js';
import { dropMask, feedAttentionLengths, gatherFlat, stackLayers } from './fixed-shapes.js';
import { openForGraft } from './open-export.js';

interface ServingOptions {
  /** Whether to cast half-precision logits to float32; false keeps the export's type. */
  readonly floatLogits: boolean;
  /** Whether its runs will be captured as device graphs. */
  readonly fixedShapes?: boolean;
  /** Whether it is for WebGPU, whose Split has at most about a dozen outputs. */
  readonly webGpu?: boolean;
  /** Tokens of every run, if all are of one row and each is to be edited as in a decode step. */
  readonly tokens?: number;
}

/**
 * @returns a copy with the graft
 * @throws OnnxError when the export cannot be grafted, or not with fixed shapes
 */
export function graftForServing(
  model: ModelProto,
  options: ServingOptions = { floatLogits: false },
): ModelProto {
  const { graph, stream } = openForGraft(model);
  const layers = stream.layers.length;
  const { fixedShapes = false, webGpu = false, tokens = 1 } = options;
  if (fixedShapes) feedAttentionLengths(graph);
  const rows = `${layers}`;
  graph.addInput('steering_vectors', dataTypes.float32, [rows, 'batch_size', 'concepts', 'hidden_size']);
  for (const input of ['steering_add', 'steering_scale'])
    graph.addInput(input, dataTypes.float32, [rows, 'batch_size', 'sequence_length', 'concepts']);
  graph.addInput('logit_positions', dataTypes.int64, ['batch_size', 'logit_count']);

  const last = stream.outputs.at(-1);
  if (!last) throw new OnnxError('the export has no layers');
  const reshaped = lastReshape(graph, last);
  const beforeHead = last.fused ? null : [...graph.consumers(last.node.output[0] ?? '')];
  const steering = splitSteeringInputs(graph, layers, fixedShapes || webGpu);
  const projections = stream.outputs.map((output, layer) =>
    insertEdit(graph, output, layer, steering[layer] ?? { vectors: '', add: '', scale: '' }, tokens),
  );
  gatherLogitPositions(graph, last, beforeHead, reshaped, fixedShapes);
  graph.dropShapes(graph.descendants(['logit_positions']));

  if (fixedShapes) stackLayers(graph, projections, 'steering_projection');
  else {
    const stacked = graph.add('Concat', projections, 'steerd/projections', { axis: 0 });
    const shape = graph.add('Shape', ['steering_add'], 'steerd/projection_shape');
    graph.add('Reshape', [stacked, shape], 'steering_projection', { allowzero: 1 });
  }
  graph.addOutput('steering_projection', dataTypes.float32, [
    rows,
    'batch_size',
    'sequence_length',
    'concepts',
  ]);
  const logits = graph.proto.output.find((output) => output.name === 'logits')?.type?.value;
  if (options.floatLogits && logits?.case === 'tensorType' && logits.value.elemType !== dataTypes.float32) {
    castLogits(graph);
    logits.value.elemType = dataTypes.float32;
  }
  const positions = logits?.case === 'tensorType' ? logits.value.shape?.dim[1] : undefined;
  if (positions) positions.value = { case: 'dimParam', value: 'logit_count' };
  graph.finish();
  if (fixedShapes) dropMask(graph);
  return graph.model;
}

function castLogits(graph: Graph): void {
  const node = graph.producer('logits');
  if (!node) return;
  const half = graph.renameOutput(node, node.output.indexOf('logits'), 'steerd/half_logits');
  graph.add('Cast', [half], 'logits', { to: dataTypes.float32 });
}

/** The last Reshape between the last block and the logits. It depends on S, so positions must be picked after it. */
function lastReshape(graph: Graph, last: BlockOutput): NodeProto | null {
  const below = graph.descendants(last.node.output.filter((name) => name !== ''));
  const above = graph.ancestors('logits');
  return (
    graph.proto.node.findLast(
      ({ opType, input, output }) =>
        opType === 'Reshape' && below.has(input[0] ?? '') && above.has(output[0] ?? ''),
    ) ?? null
  );
}

/**
 * Picks the asked positions between the last block and the final norm, so that the norm and the LM head, the model's
 * largest product, run on P positions instead of S.
 * @param readers of the last block's output before its edit; null when a skip norm computes it
 * @param reshaped the node that positions must be picked after, if there is one
 * @param flat whether positions index the tokens of all rows
 */
function gatherLogitPositions(
  graph: Graph,
  last: BlockOutput,
  readers: readonly NodeProto[] | null,
  reshaped: NodeProto | null,
  flat: boolean,
): void {
  const indices = graph.add(
    'Unsqueeze',
    ['logit_positions', graph.int64([-1])],
    'steerd/logit_positions_indices',
  );
  const gather = (tensor: string, name: string) =>
    flat
      ? gatherFlat(graph, tensor, 'logit_positions', name)
      : graph.add('GatherND', [tensor, indices], name, { batch_dims: 1 });
  if (reshaped) {
    const [tensor = ''] = reshaped.output;
    const all = tensor === 'logits' ? graph.renameOutput(reshaped, 0, 'steerd/all_logits') : tensor;
    const whole = [...graph.consumers(all)];
    const picked = gather(all, tensor === 'logits' ? 'logits' : 'steerd/logit_stream');
    graph.redirect(all, picked, whole);
    return;
  }
  if (!readers) {
    const { node } = last;
    const [stream = '', edit = ''] = node.input;
    graph.setInput(node, 0, gather(stream, 'steerd/logit_stream'));
    graph.setInput(node, 1, gather(edit, 'steerd/logit_edit'));
    return;
  }
  const edited = readers[0]?.input.find((input) => input.startsWith('steerd/layer_')) ?? '';
  graph.redirect(edited, gather(edited, 'steerd/logit_stream'), readers);
}
