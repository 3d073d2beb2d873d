/**
 * Recognises an export whose attention can be replaced by GroupQueryAttention: attention is written out in elementary
 * nodes in every layer, and no row of a batch influences another.
 */
import { Graph } from '../graph/graph.js';
import { cloneModel, OnnxError } from '../graph/model-file.js';
import type { ModelProto } from '../schema/onnx_pb.js';
import { rowMixingNode } from './activation-rounding.js';
import { findLayerCaches, type LayerCache } from './residual-stream.js';
import { findWrittenAttention, type WrittenAttention } from './written-attention.js';

/** The inputs that an attention mask may depend on. */
const maskSources: ReadonlySet<string> = new Set(['attention_mask', 'position_ids']);

interface GroupableExport {
  /** Of a copy of the model, which may be edited. */
  readonly graph: Graph;
  readonly caches: readonly LayerCache[];
  /** The attention of each layer. */
  readonly attentions: readonly WrittenAttention[];
}

/** @throws OnnxError with the reason why its attention cannot be replaced */
export function openGroupable(original: ModelProto): GroupableExport {
  const graph = new Graph(cloneModel(original));
  const mixing = rowMixingNode(graph);
  if (mixing) throw new OnnxError(`${mixing.opType} rounds each row of a batch by the others`);
  const caches = findLayerCaches(graph);
  const attentions = findWrittenAttention(graph, caches);
  const inputs = new Set(graph.inputs().map(({ name }) => name));
  attentions.forEach(({ masks }, layer) => {
    if (masks.length === 0) throw new OnnxError(`layer ${layer}: its attention has no mask`);
    const sources = masks
      .flatMap(({ tensor }) => [...graph.ancestors(tensor)])
      .filter((name) => inputs.has(name));
    const strange = sources.find((name) => !maskSources.has(name));
    if (strange) throw new OnnxError(`layer ${layer}: its mask depends on ${strange}`);
  });
  return { graph, caches, attentions };
}
