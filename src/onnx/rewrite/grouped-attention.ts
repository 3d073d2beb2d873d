/**
 * An export whose attention is written out, with com.microsoft.GroupQueryAttention in its place: keys and values
 * stay in one buffer, and rows of different lengths go through one batch. Rotation, norms and scale stay the nodes
 * they were; what only made the old mask and repeated the heads is dropped. Inputs added where they were missing:
 * attention_mask [B, T] and position_ids [B, S].
 *
 * Whether the new graph computes what the old one did must be seen by running both: src/engine/load/attention-rewrite.ts.
 */
import { create } from '@bufbuild/protobuf';
import { openGroupable } from '../find/groupable-export.js';
import type { LayerCache } from '../find/residual-stream.js';
import type { ScoreFactor, WrittenAttention } from '../find/written-attention.js';
import { dataTypes, Graph } from '../graph/graph.js';
import { OnnxError } from '../graph/model-file.js';
import { type ModelProto, OperatorSetIdProtoSchema, type ValueInfoProto } from '../schema/onnx_pb.js';
import { positionMixing, takePositions } from './explicit-positions.js';

export interface HeadCounts {
  readonly heads: number;
  readonly kvHeads: number;
}

const microsoft = 'com.microsoft';
const maskInput = 'attention_mask';
const headAxisSwapped = [0, 2, 1, 3];

/**
 * @param windows of each layer, how many keys a token sees, itself included; 0 for all before it.
 * @throws OnnxError that says what is in the way.
 */
export function groupAttention(
  original: ModelProto,
  { heads, kvHeads }: HeadCounts,
  windows: readonly number[],
): ModelProto {
  const { graph, caches, attentions } = openGroupable(original);
  if (!graph.inputs().some(({ name }) => name === maskInput))
    graph.addInput(maskInput, dataTypes.int64, ['batch_size', 'total_sequence_length']);
  const { seqlens, total } = lengths(graph);
  attentions.forEach((found, layer) => {
    const cache = caches[layer] as LayerCache;
    const name = (part: string) => `steerd/attention_${layer}/${part}`;
    /** [B, n, S, D] as the kernel takes it: [B, S, n D]. */
    const asRows = (tensor: string, part: string) => {
      const apart = graph.add('Transpose', [tensor], name(`${part}_heads`), { perm: headAxisSwapped });
      return graph.add('Reshape', [apart, graph.int64([0, 0, -1])], name(part));
    };
    const answer = name('answer');
    graph.addNode(
      'GroupQueryAttention',
      [
        asRows(scaledQuery(graph, found, name), 'query'),
        asRows(found.key, 'key'),
        asRows(found.value, 'value'),
        cache.pastKey,
        cache.pastValue,
        seqlens,
        total,
      ],
      [answer, cache.presentKey, cache.presentValue],
      {
        num_heads: heads,
        kv_num_heads: kvHeads,
        // The scale is in the query already.
        scale: { float: 1 },
        ...(windows[layer] ? { local_window_size: windows[layer] } : {}),
        ...(found.softcap > 0 ? { softcap: { float: found.softcap } } : {}),
      },
      microsoft,
    );
    const apart = graph.add('Reshape', [answer, graph.int64([0, 0, heads, -1])], name('answer_heads'));
    const readers = [...graph.consumers(found.context)];
    const context = graph.add('Transpose', [apart], name('context'), { perm: headAxisSwapped });
    graph.redirect(found.context, context, readers);
  });
  return settle(graph, caches);
}

/** The last key of each row, int32 [B], and the number of columns, an int32 scalar. */
function lengths(graph: Graph): { seqlens: string; total: string } {
  const name = (part: string) => `steerd/lengths/${part}`;
  const int32 = (tensor: string, part: string) =>
    graph.add('Cast', [tensor], name(part), { to: dataTypes.int32 });
  const sums = graph.add('ReduceSum', [maskInput, graph.int64([1])], name('tokens'), { keepdims: 0 });
  const last = graph.add('Sub', [sums, graph.int64([1])], name('last'));
  const shape = graph.add('Shape', [maskInput], name('mask_shape'));
  const columns = graph.add('Gather', [shape, graph.int64(1)], name('columns'));
  return { seqlens: int32(last, 'seqlens_k'), total: int32(columns, 'total_sequence_length') };
}

/** All that the scores are multiplied with, on the query. */
function scaledQuery(
  graph: Graph,
  { query, factors }: WrittenAttention,
  name: (part: string) => string,
): string {
  const apply = (tensor: string, factor: ScoreFactor, part: string) =>
    graph.add(factor.divides ? 'Div' : 'Mul', [tensor, factor.tensor], name(part));
  // Scalars first: the runtime folds them into one constant.
  const [first, ...more] = [...factors].sort((a, b) => Number(a.divides) - Number(b.divides));
  if (!first) return query;
  if (first.divides) return factors.reduce((at, factor, index) => apply(at, factor, `query_${index}`), query);
  const scale = more.reduce((at, factor, index) => apply(at, factor, `scale_${index}`), first.tensor);
  return graph.add('Mul', [query, scale], name('query_scaled'));
}

/** Drops what nobody reads any more, and makes sure that nothing else saw how long the past is. */
function settle(graph: Graph, caches: readonly LayerCache[]): ModelProto {
  const { model } = graph;
  if (!model.opsetImport.some(({ domain }) => domain === microsoft))
    model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: microsoft, version: 1n }));
  graph.proto.valueInfo = [];
  graph.finish();
  takePositions(new Graph(model));
  const settled = new Graph(model);
  const mixing = positionMixing(settled);
  if (mixing)
    throw new OnnxError(`${mixing.opType} ${mixing.name} looks at the positions of all rows together`);
  const kept = caches.flatMap(({ pastKey, pastValue, presentKey, presentValue }) => [
    pastKey,
    pastValue,
    presentKey,
    presentValue,
  ]);
  for (const tensor of kept)
    for (const reader of settled.consumers(tensor))
      if (reader.opType !== 'GroupQueryAttention')
        throw new OnnxError(`${reader.opType} ${reader.name} reads ${tensor} beside the attention`);
  for (const reader of settled.consumers(maskInput))
    if (!reader.name.startsWith('steerd/'))
      throw new OnnxError(`${reader.opType} ${reader.name} reads ${maskInput} beside the attention`);
  const names = new Set(kept);
  for (const info of [...settled.proto.input, ...settled.proto.output])
    if (names.has(info.name)) nameLength(info);
  return model;
}

/** Past and present are the same buffer now, and equally long. */
function nameLength(info: ValueInfoProto): void {
  const type = info.type?.value;
  const length = type?.case === 'tensorType' ? type.value.shape?.dim[2] : undefined;
  if (length) length.value = { case: 'dimParam', value: 'cache_length' };
}
