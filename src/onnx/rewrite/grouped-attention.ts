/**
 * Replaces attention that is written out in elementary nodes by com.microsoft.GroupQueryAttention, with which keys and
 * values stay in one buffer, and rows of different lengths run in one batch. Rotary embedding, norms and scale keep
 * their nodes; those that made the mask and repeated the heads are dropped. The inputs attention_mask [B, T] and
 * position_ids [B, S] are added where they are missing.
 *
 * Whether the new graph computes the same must be checked by running both: src/engine/load/attention-rewrite.ts.
 */
import { openGroupable } from '../find/groupable-export.js';
import type { LayerCache } from '../find/residual-stream.js';
import type { ScoreFactor, WrittenAttention } from '../find/written-attention.js';
import { dataTypes } from '../graph/data-types.js';
import { Graph } from '../graph/graph.js';
import { importMicrosoft, OnnxError } from '../graph/model-file.js';
import type { ModelProto, ValueInfoProto } from '../schema/onnx_pb.js';
import { addPositionsInput, positionMixingNode } from './explicit-positions.js';

interface HeadCounts {
  readonly heads: number;
  readonly kvHeads: number;
}

const microsoft = 'com.microsoft';
const maskInput = 'attention_mask';
/** Exchanges the axes of heads and tokens. */
const swapHeadsAndTokens = [0, 2, 1, 3];

/**
 * @param windows for each layer, the number of keys a token attends to (sliding window), itself included; 0 for no
 *   limit
 * @throws OnnxError with the reason why attention cannot be replaced
 */
export function groupAttention(
  original: ModelProto,
  { heads, kvHeads }: HeadCounts,
  windows: readonly number[],
): ModelProto {
  const { graph, caches, attentions } = openGroupable(original);
  if (!graph.inputs().some(({ name }) => name === maskInput))
    graph.addInput(maskInput, dataTypes.int64, ['batch_size', 'total_sequence_length']);
  const { lastKeys, total } = lengthInputs(graph);
  attentions.forEach((found, layer) => {
    const cache = caches[layer] as LayerCache;
    const name = (part: string) => `steerd/attention_${layer}/${part}`;
    /** From [B, n, S, D] to the kernel's layout [B, S, n D]. */
    const mergeHeads = (tensor: string, part: string) => {
      const apart = graph.add('Transpose', [tensor], name(`${part}_heads`), { perm: swapHeadsAndTokens });
      return graph.add('Reshape', [apart, graph.int64([0, 0, -1])], name(part));
    };
    const answer = name('answer');
    graph.addNode(
      'GroupQueryAttention',
      [
        mergeHeads(scaledQuery(graph, found, name), 'query'),
        mergeHeads(found.key, 'key'),
        mergeHeads(found.value, 'value'),
        cache.pastKey,
        cache.pastValue,
        lastKeys,
        total,
      ],
      [answer, cache.presentKey, cache.presentValue],
      {
        num_heads: heads,
        kv_num_heads: kvHeads,
        // The query is scaled already.
        scale: { float: 1 },
        ...(windows[layer] ? { local_window_size: windows[layer] } : {}),
        ...(found.softcap > 0 ? { softcap: { float: found.softcap } } : {}),
      },
      microsoft,
    );
    const apart = graph.add('Reshape', [answer, graph.int64([0, 0, heads, -1])], name('answer_heads'));
    const readers = [...graph.consumers(found.context)];
    const context = graph.add('Transpose', [apart], name('context'), { perm: swapHeadsAndTokens });
    graph.redirect(found.context, context, readers);
  });
  return cleanUp(graph, caches);
}

/**
 * The kernel's inputs seqlens_k, the position of each row's last key, int32 [B], and total_sequence_length, an int32
 * scalar.
 */
function lengthInputs(graph: Graph): { lastKeys: string; total: string } {
  const name = (part: string) => `steerd/lengths/${part}`;
  const int32 = (tensor: string, part: string) =>
    graph.add('Cast', [tensor], name(part), { to: dataTypes.int32 });
  const sums = graph.add('ReduceSum', [maskInput, graph.int64([1])], name('tokens'), { keepdims: 0 });
  const last = graph.add('Sub', [sums, graph.int64([1])], name('last'));
  const shape = graph.add('Shape', [maskInput], name('mask_shape'));
  const columns = graph.add('Gather', [shape, graph.int64(1)], name('columns'));
  return { lastKeys: int32(last, 'seqlens_k'), total: int32(columns, 'total_sequence_length') };
}

/** The query multiplied by all factors of the scores. */
function scaledQuery(
  graph: Graph,
  { query, factors }: WrittenAttention,
  name: (part: string) => string,
): string {
  const apply = (tensor: string, factor: ScoreFactor, part: string) =>
    graph.add(factor.divides ? 'Div' : 'Mul', [tensor, factor.tensor], name(part));
  // The scalars are multiplied with each other first: ORT folds that into one constant.
  const [first, ...more] = [...factors].sort((a, b) => Number(a.divides) - Number(b.divides));
  if (!first) return query;
  if (first.divides) return factors.reduce((at, factor, index) => apply(at, factor, `query_${index}`), query);
  const scale = more.reduce((at, factor, index) => apply(at, factor, `scale_${index}`), first.tensor);
  return graph.add('Mul', [query, scale], name('query_scaled'));
}

/**
 * Drops the replaced nodes and makes sure that no remaining node reads the KV cache, the mask or the length of the
 * past.
 */
function cleanUp(graph: Graph, caches: readonly LayerCache[]): ModelProto {
  const { model } = graph;
  importMicrosoft(model);
  graph.proto.valueInfo = [];
  graph.finish();
  addPositionsInput(new Graph(model));
  const rewritten = new Graph(model);
  const mixing = positionMixingNode(rewritten);
  if (mixing)
    throw new OnnxError(`${mixing.opType} ${mixing.name} looks at the positions of all rows together`);
  const kept = caches.flatMap(({ pastKey, pastValue, presentKey, presentValue }) => [
    pastKey,
    pastValue,
    presentKey,
    presentValue,
  ]);
  for (const tensor of kept)
    for (const reader of rewritten.consumers(tensor))
      if (reader.opType !== 'GroupQueryAttention')
        throw new OnnxError(`${reader.opType} ${reader.name} reads ${tensor} beside the attention`);
  for (const reader of rewritten.consumers(maskInput))
    if (!reader.name.startsWith('steerd/'))
      throw new OnnxError(`${reader.opType} ${reader.name} reads ${maskInput} beside the attention`);
  const names = new Set(kept);
  for (const info of [...rewritten.proto.input, ...rewritten.proto.output])
    if (names.has(info.name)) nameLength(info);
  return model;
}

/** Past and present are one buffer now, so their token axes have the same name. */
function nameLength(info: ValueInfoProto): void {
  const type = info.type?.value;
  const length = type?.case === 'tensorType' ? type.value.shape?.dim[2] : undefined;
  if (length) length.value = { case: 'dimParam', value: 'cache_length' };
}
