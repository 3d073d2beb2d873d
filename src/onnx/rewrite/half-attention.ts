/**
 * Makes GroupQueryAttention compute in half precision inside a float32 graph, for CUDA, which has no float32 kernel for
 * it. q, k and v are cast before it and its output after it, and the KV cache is float16; everything else stays
 * float32.
 */

import { dataTypes } from '../graph/data-types.js';
import { elementTypeOf } from '../graph/element-types.js';
import { Graph } from '../graph/graph.js';
import { cloneModel } from '../graph/model-file.js';
import type { ModelProto, ValueInfoProto } from '../schema/onnx_pb.js';

/** Inputs of GroupQueryAttention to be cast: activations and rotary tables. */
const castInputs = [0, 1, 2, 7, 8, 10] as const;
/** Inputs with the past keys and values, and outputs with the present ones. */
const past = [3, 4] as const;
const present = [1, 2] as const;

/** @returns the given model itself when it has no GroupQueryAttention in float32; else a copy */
export function halveAttention(original: ModelProto): ModelProto {
  const model = cloneModel(original);
  const graph = new Graph(model);
  const nodes = graph.proto.node.filter(
    (node) =>
      node.opType === 'GroupQueryAttention' &&
      elementTypeOf(graph, node.input[0] ?? '') === dataTypes.float32,
  );
  if (nodes.length === 0) return original;
  const halves = new Map<string, string>();
  const caches = new Set<string>();
  for (const node of nodes) {
    for (const index of castInputs) {
      const tensor = node.input[index];
      if (!tensor) continue;
      const half =
        halves.get(tensor) ?? graph.add('Cast', [tensor], `${tensor}/half`, { to: dataTypes.float16 });
      halves.set(tensor, half);
      graph.setInput(node, index, half);
    }
    const answer = node.output[0] ?? '';
    const halved = graph.renameOutput(node, 0, `${answer}/half`);
    graph.add('Cast', [halved], answer, { to: dataTypes.float32 });
    for (const index of past) caches.add(node.input[index] ?? '');
    for (const index of present) caches.add(node.output[index] ?? '');
  }
  for (const info of [...graph.proto.input, ...graph.proto.output, ...graph.proto.valueInfo])
    if (caches.has(info.name)) declareFloat16(info);
  graph.finish();
  return model;
}

function declareFloat16(info: ValueInfoProto): void {
  if (info.type?.value.case === 'tensorType') info.type.value.value.elemType = dataTypes.float16;
}
