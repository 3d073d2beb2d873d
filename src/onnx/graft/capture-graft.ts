/**
 * The capture graft: an export that also gives its activations out, for fitting. Inputs added: capture_positions int64
 * [B, P], indices into input_ids; span_start and span_end int64 [B], the key positions where the prefix begins and
 * ends. Outputs added: hidden_states float32 [L, B, P, H], the residual stream after each block; attention_to_prefix
 * float32 [L, B, heads, P], the attention probability that falls on the prefix. All other names and shapes are the
 * export's.
 */

import { skipSumOutput } from '../find/residual-stream.js';
import { dataTypes } from '../graph/data-types.js';
import type { ModelProto } from '../schema/onnx_pb.js';
import { GqaAttentionCapture } from './gqa-attention-capture.js';
import { openForGraft } from './open-export.js';
import { SoftmaxAttentionCapture } from './softmax-attention-capture.js';

interface CaptureOptions {
  /** False drops the logits, and with them the LM head, for fits that do not need them. */
  readonly logits: boolean;
}

/**
 * @returns a copy with the graft
 * @throws OnnxError when the export cannot be grafted, naming what was missing
 */
export function graftForCapture(model: ModelProto, options: CaptureOptions = { logits: true }): ModelProto {
  const { graph, stream } = openForGraft(model);
  graph.addInput('capture_positions', dataTypes.int64, ['batch_size', 'capture_count']);
  for (const input of ['span_start', 'span_end']) graph.addInput(input, dataTypes.int64, ['batch_size']);

  const indices = graph.add('Unsqueeze', ['capture_positions', graph.int64([-1])], 'steerd/capture_indices');
  const stackable = (tensor: string) => graph.add('Unsqueeze', [tensor, graph.int64([0])], `${tensor}_layer`);
  const hidden = stream.outputs.map(({ node, fused }, layer) => {
    const name = `steerd/layer_${layer}/block_output`;
    const block = fused ? graph.nameOutput(node, skipSumOutput, name) : (node.output[0] ?? '');
    const picked = graph.add('GatherND', [block, indices], `steerd/hidden_${layer}`, { batch_dims: 1 });
    return stackable(graph.add('Cast', [picked], `${picked}_float`, { to: dataTypes.float32 }));
  });
  graph.add('Concat', hidden, 'hidden_states', { axis: 0 });

  const fromKernels = new GqaAttentionCapture(graph);
  const fromSoftmax = new SoftmaxAttentionCapture(graph);
  const captured = stream.layers.map((cache, layer) =>
    graph.producer(cache.presentKey)?.opType === 'GroupQueryAttention'
      ? fromKernels.layer(cache, layer)
      : { attention: fromSoftmax.layer(cache, layer), heads: 'heads' },
  );
  graph.add(
    'Concat',
    captured.map(({ attention }) => stackable(attention)),
    'attention_to_prefix',
    { axis: 0 },
  );

  const layers = `${stream.layers.length}`;
  graph.addOutput('hidden_states', dataTypes.float32, [layers, 'batch_size', 'capture_count', 'hidden_size']);
  graph.addOutput('attention_to_prefix', dataTypes.float32, [
    layers,
    'batch_size',
    `${captured[0]?.heads ?? 'heads'}`,
    'capture_count',
  ]);
  if (!options.logits) graph.proto.output = graph.proto.output.filter((output) => output.name !== 'logits');
  graph.finish();
  return graph.model;
}
