/**
 * What a graph needs so that a device can capture its runs: every node on the device, none that works out a shape,
 * and none that keeps numbers on the host which a replay would look for there. The serving graft uses these in
 * place of its usual nodes when it is asked for fixed shapes.
 */
import { attributeOf, dataTypes, type Graph } from '../graph/graph.js';
import { OnnxError } from '../graph/model-file.js';
import type { NodeProto } from '../schema/onnx_pb.js';

/** int32 [B]: of each row the last position it attends to. In the place of the attention mask. */
export const attentionLengths = 'attention_lengths';
/** int32 [1]: tokens of the longest row. */
export const attentionSpan = 'attention_span';

/** Inputs of GroupQueryAttention. */
const lengthsIndex = 5;
const spanIndex = 6;
const lastPlainIndex = 8;

/**
 * Gives attention its rows' lengths as inputs instead of having them counted in the mask.
 * @throws OnnxError when the graph reads its mask for anything else.
 */
export function feedAttentionLengths(graph: Graph): void {
  const attention = graph.proto.node.filter((node) => node.opType === 'GroupQueryAttention');
  if (attention.length === 0) throw new OnnxError('the export has no GroupQueryAttention');
  graph.addInput(attentionLengths, dataTypes.int32, ['batch_size']);
  graph.addInput(attentionSpan, dataTypes.int32, ['1']);
  for (const node of attention) {
    graph.setInput(node, lengthsIndex, attentionLengths);
    graph.setInput(node, spanIndex, attentionSpan);
  }
}

/**
 * Refuses attention that is not known to be right on WebGPU in a session that captures. ONNX Runtime 1.30 has one kernel
 * there: it ignores a sliding window without a word, and what it does with a smooth softmax, a bias or a sink was not seen.
 * @throws OnnxError
 */
export function requirePlainAttention(graph: Graph): void {
  const unusual = (node: NodeProto): string | null => {
    if ((attributeOf(node, 'local_window_size') ?? -1) > 0) return 'a sliding window';
    if (attributeOf(node, 'smooth_softmax')) return 'a smooth softmax';
    return node.input.slice(lastPlainIndex + 1).some((input) => input !== '') ? 'a bias or a sink' : null;
  };
  for (const node of graph.proto.node) {
    const found = node.opType === 'GroupQueryAttention' ? unusual(node) : null;
    if (found) throw new OnnxError(`WebGPU's device graphs cannot compute attention with ${found}`);
  }
}

/** After `Graph.finish`: the mask goes when nobody reads it any more. @throws OnnxError when somebody does. */
export function dropMask(graph: Graph): void {
  const mask = 'attention_mask';
  const reader = graph.proto.node.find((node) => node.input.includes(mask));
  if (reader)
    throw new OnnxError(`the export reads its attention mask for more than attention: ${reader.name}`);
  graph.proto.input = graph.proto.input.filter(({ name }) => name !== mask);
}

/** From [B, S, W] the rows that `positions` [B, P] name in [B * S, W]. */
export function gatherFlat(graph: Graph, tensor: string, positions: string, name: string): string {
  // CUDA's GatherND copies from the host's stack, where a replay finds something else.
  const rows = graph.add('Flatten', [tensor], `${name}/rows`, { axis: 2 });
  return graph.add('Gather', [rows, positions], name, { axis: 0 });
}

/** Cuts [L, ...] into one tensor for each layer, without that axis. */
export function sliceLayers(graph: Graph, tensor: string, names: readonly string[]): void {
  // Not a Split: WebGPU binds all its tensors to one shader, which has room for a dozen, and CUDA may keep their
  // addresses on the host.
  names.forEach((name, layer) => {
    graph.add('Gather', [tensor, graph.int64(layer)], name, { axis: 0 });
  });
}

/** Most tensors that CUDA's Concat takes without a list of their addresses on the host. */
export const mostJoined = 32;

/** Stacks one tensor for each layer to [L, ...]. */
export function stackLayers(graph: Graph, tensors: readonly string[], name: string): string {
  const layers = tensors.map((tensor) =>
    graph.add('Unsqueeze', [tensor, graph.int64([0])], `${tensor}/layer`),
  );
  const join = (from: readonly string[], to: string) => graph.add('Concat', from, to, { axis: 0 });
  const groups = Math.ceil(layers.length / mostJoined);
  if (groups === 1) return join(layers, name);
  // CUDA joins tensors of one size without a list on the host: the last group is as long as the others.
  const size = Math.ceil(layers.length / groups);
  const padded = Array.from({ length: groups * size }, (_, i) => layers[i] ?? layers[0] ?? '');
  const all = join(
    Array.from({ length: groups }, (_, group) =>
      join(padded.slice(group * size, (group + 1) * size), `${name}/group_${group}`),
    ),
    `${name}/padded`,
  );
  const axes = graph.int64([0]);
  return graph.add('Slice', [all, graph.int64([0]), graph.int64([layers.length]), axes], name);
}
