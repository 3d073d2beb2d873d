/**
 * Nodes of the serving graft for runs that are captured as device graphs, in place of its usual ones. A graph can be
 * captured if every node runs on the device, none computes a shape, and none keeps numbers in host memory, where a
 * replay would read something else.
 */
import { dataTypes } from '../graph/data-types.js';
import type { Graph } from '../graph/graph.js';
import { OnnxError } from '../graph/model-file.js';
import { attributeOf } from '../graph/node.js';
import type { NodeProto } from '../schema/onnx_pb.js';

/** Input int32 [B]: for each row the last position it attends to. Takes the place of the attention mask. */
export const attentionLengths = 'attention_lengths';
/** Input int32 [1]: number of tokens of the longest row. */
export const attentionSpan = 'attention_span';

/**
 * Numbers of GroupQueryAttention's inputs: seqlens_k, total_sequence_length, and sin_cache, the last of the plain ones.
 */
const lengthsIndex = 5;
const spanIndex = 6;
const lastPlainIndex = 8;

/**
 * Makes attention read the rows' lengths from inputs instead of counting them in the mask.
 * @throws OnnxError for an export without GroupQueryAttention
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
 * Refuses attention that is not known to be computed correctly on WebGPU in a session that captures. ONNX Runtime 1.30
 * has one kernel for that: it ignores a sliding window silently, and a smooth softmax, a bias or a sink were not tested
 * with it.
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

/** Removes the input attention_mask; call it after `Graph.finish`. @throws OnnxError when a node still reads it */
export function dropMask(graph: Graph): void {
  const mask = 'attention_mask';
  const reader = graph.proto.node.find((node) => node.input.includes(mask));
  if (reader)
    throw new OnnxError(`the export reads its attention mask for more than attention: ${reader.name}`);
  graph.proto.input = graph.proto.input.filter(({ name }) => name !== mask);
}

/** Gathers from [B, S, W] the rows at `positions` [B, P], which are indices into [B * S, W]; gives [B, P, W]. */
export function gatherFlat(graph: Graph, tensor: string, positions: string, name: string): string {
  // Not GatherND: CUDA's copies from the host's stack, where a replay finds other values.
  const rows = graph.add('Flatten', [tensor], `${name}/rows`, { axis: 2 });
  return graph.add('Gather', [rows, positions], name, { axis: 0 });
}

/** Splits [L, ...] into one tensor for each layer, without that axis. */
export function sliceLayers(graph: Graph, tensor: string, names: readonly string[]): void {
  // Not Split: WebGPU binds all its outputs to one shader, which takes a dozen at most, and CUDA's may keep the
  // addresses of its outputs on the host.
  names.forEach((name, layer) => {
    graph.add('Gather', [tensor, graph.int64(layer)], name, { axis: 0 });
  });
}

/** Most inputs with which CUDA's Concat needs no list of their addresses on the host. */
export const mostJoined = 32;

/** Stacks one tensor for each layer to [L, ...], and returns the name of the result. */
export function stackLayers(graph: Graph, tensors: readonly string[], name: string): string {
  const layers = tensors.map((tensor) =>
    graph.add('Unsqueeze', [tensor, graph.int64([0])], `${tensor}/layer`),
  );
  const join = (from: readonly string[], to: string) => graph.add('Concat', from, to, { axis: 0 });
  const groups = Math.ceil(layers.length / mostJoined);
  if (groups === 1) return join(layers, name);
  // CUDA's Concat needs no list on the host for inputs of equal size, so the last group is padded to the others' size.
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
