/**
 * Makes GroupQueryAttention keep its keys and values in 8 bits, with one scale for each channel of each head: what it
 * writes to the cache is rounded, and what it reads from there is multiplied by the scale again. ONNX Runtime's CPU
 * kernel rounds the tokens of the run as well, so that a prompt's logits do not depend on how it is cut.
 */
import { create } from '@bufbuild/protobuf';
import { dataTypes } from '../graph/data-types.js';
import { Graph } from '../graph/graph.js';
import { cloneModel, OnnxError } from '../graph/model-file.js';
import { attributeOf } from '../graph/node.js';
import { type ModelProto, TensorProtoSchema, type ValueInfoProto } from '../schema/onnx_pb.js';

/** Of one layer: what one step of an integer stands for, [kv_heads * head_size] each. */
export interface KvScales {
  readonly key: Float32Array;
  readonly value: Float32Array;
}

/** Inputs of GroupQueryAttention. */
const [pastKey, pastValue, keyScale, valueScale] = [3, 4, 12, 13] as const;
/** Its outputs. */
const [presentKey, presentValue] = [1, 2] as const;

/**
 * @param scales by the name of a layer's present keys
 * @returns a copy
 * @throws OnnxError for a layer without scales
 */
export function quantizeKv(original: ModelProto, scales: ReadonlyMap<string, KvScales>): ModelProto {
  const model = cloneModel(original);
  const graph = new Graph(model);
  const caches = new Set<string>();
  for (const node of graph.proto.node) {
    if (node.opType !== 'GroupQueryAttention') continue;
    const [keys = '', values = ''] = [node.output[presentKey], node.output[presentValue]];
    const its = scales.get(keys);
    if (!its) throw new OnnxError(`there are no scales for ${keys}`);
    const heads = attributeOf(node, 'kv_num_heads') ?? 1;
    while (node.input.length < keyScale) node.input.push('');
    graph.setInput(node, keyScale, addScales(graph, keys, its.key, heads));
    graph.setInput(node, valueScale, addScales(graph, values, its.value, heads));
    graph.setAttribute(node, 'k_quant_type', 'PER_CHANNEL');
    graph.setAttribute(node, 'v_quant_type', 'PER_CHANNEL');
    graph.setAttribute(node, 'kv_cache_bit_width', 8);
    for (const cache of [node.input[pastKey], node.input[pastValue], keys, values]) caches.add(cache ?? '');
  }
  for (const info of [...graph.proto.input, ...graph.proto.output, ...graph.proto.valueInfo])
    if (caches.has(info.name)) declareInt8(info);
  graph.finish();
  return model;
}

function addScales(graph: Graph, tensor: string, values: Float32Array, heads: number): string {
  const shape = [1, heads, 1, values.length / heads];
  const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return graph.addInitializer(
    create(TensorProtoSchema, {
      name: `${tensor}/scales`,
      dataType: dataTypes.float32,
      dims: shape.map(BigInt),
      rawData,
    }),
  );
}

function declareInt8(info: ValueInfoProto): void {
  if (info.type?.value.case === 'tensorType') info.type.value.value.elemType = dataTypes.int8;
}
