/**
 * GroupQueryAttention in half precision inside a float32 graph, for CUDA, which has no other kernel for it: q, k
 * and v are cast before and the answer after, and keys and values are kept as float16. The rest stays float32.
 */
import { elementTypeOf } from '../graph/element-types.js';
import { dataTypes, Graph } from '../graph/graph.js';
import { cloneModel } from '../graph/model-file.js';
import type { ModelProto, ValueInfoProto } from '../schema/onnx_pb.js';

/** Inputs of GroupQueryAttention that hold activations or rotation tables. */
const activations = [0, 1, 2, 7, 8, 10] as const;
/** Past keys and values, and present ones among the outputs. */
const past = [3, 4] as const;
const present = [1, 2] as const;

/** @returns the model itself when it has no such node in float32. */
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
  const kept = new Set<string>();
  for (const node of nodes) {
    for (const index of activations) {
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
    for (const index of past) kept.add(node.input[index] ?? '');
    for (const index of present) kept.add(node.output[index] ?? '');
  }
  for (const info of [...graph.proto.input, ...graph.proto.output, ...graph.proto.valueInfo])
    if (kept.has(info.name)) halve(info);
  graph.finish();
  return model;
}

function halve(info: ValueInfoProto): void {
  if (info.type?.value.case === 'tensorType') info.type.value.value.elemType = dataTypes.float16;
}
