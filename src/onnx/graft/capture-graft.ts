/**
 * The capture graft: an export that also gives its activations, for fitting.
 * Inputs added: capture_positions int64 [B, P] (counted within input_ids), span_start and span_end int64 [B]
 * (key positions of the prefix). Outputs added: hidden_states float32 [L, B, P, H], attention_to_prefix
 * float32 [L, B, heads, P]. Everything else keeps the export's names and shapes.
 */

import { skipSumOutput } from '../find/residual-stream.js';
import { dataTypes } from '../graph/graph.js';
import type { ModelProto } from '../schema/onnx_pb.js';
import { PrefixAttention } from './gqa-attention-capture.js';
import { openForGraft } from './serving-graft.js';
import { VisibleAttention } from './softmax-attention-capture.js';

export interface CaptureOptions {
  /** False drops the logits, and with them the LM head: a fit does not need them. */
  readonly logits: boolean;
}

/** @throws OnnxError when the export cannot be grafted, naming what was missing. */
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

  const rebuilt = new PrefixAttention(graph);
  const visible = new VisibleAttention(graph);
  const found = stream.layers.map((cache, layer) =>
    graph.producer(cache.presentKey)?.opType === 'GroupQueryAttention'
      ? rebuilt.layer(cache, layer)
      : { attention: visible.layer(cache, layer), heads: 'heads' },
  );
  graph.add(
    'Concat',
    found.map(({ attention }) => stackable(attention)),
    'attention_to_prefix',
    { axis: 0 },
  );

  const layers = `${stream.layers.length}`;
  graph.addOutput('hidden_states', dataTypes.float32, [layers, 'batch_size', 'capture_count', 'hidden_size']);
  graph.addOutput('attention_to_prefix', dataTypes.float32, [
    layers,
    'batch_size',
    `${found[0]?.heads ?? 'heads'}`,
    'capture_count',
  ]);
  if (!options.logits) graph.proto.output = graph.proto.output.filter((output) => output.name !== 'logits');
  graph.finish();
  return graph.model;
}
