/**
 * Finds the residual stream of a decoder export by structure, not by names.
 *
 * A block adds its attention's answer to what came in, so block l's input is the operand of the first
 * addition below attention l that does not depend on attention l but leads into it. That holds with norms
 * before, after and around the sublayers, fused (SkipLayerNormalization adds and normalises in one node) or
 * decomposed, and for attention and MLP side by side. Block l's input is block l-1's output. The last
 * block's output is the last addition of two computed tensors before the logits.
 */
import { elementTypeOf } from '../graph/element-types.js';
import type { Graph } from '../graph/graph.js';
import { OnnxError } from '../graph/model-file.js';
import type { NodeProto } from '../schema/onnx_pb.js';

/** Keys and values of one layer, as graph inputs and outputs. */
export interface LayerCache {
  readonly pastKey: string;
  readonly pastValue: string;
  readonly presentKey: string;
  readonly presentValue: string;
}

/** The place where block l's output comes to be. */
export interface BlockOutput {
  /** The addition: `Add`, or a skip norm whose fourth output is the sum. */
  readonly node: NodeProto;
  /** True for a skip norm. */
  readonly fused: boolean;
  /** TensorProto.DataType of the stream here. */
  readonly elementType: number;
}

export interface ResidualStream {
  readonly layers: readonly LayerCache[];
  /** One for each layer. */
  readonly outputs: readonly BlockOutput[];
}

const skipNorms = new Set(['SkipSimplifiedLayerNormalization', 'SkipLayerNormalization']);
/** Output of a skip norm that holds input + skip (com.microsoft.SkipLayerNormalization). */
export const skipSumOutput = 3;

function isAddition(node: NodeProto): boolean {
  return node.opType === 'Add' || (node.opType === 'Sum' && node.input.length === 2) || isSkipNorm(node);
}

function isSkipNorm(node: NodeProto): boolean {
  return skipNorms.has(node.opType);
}

/** Name of the tensor that an addition makes. */
function sumOf(node: NodeProto): string {
  return (isSkipNorm(node) ? node.output[skipSumOutput] : node.output[0]) ?? '';
}

/** Pairs `past...3...key` inputs with `present...3...key` outputs by layer number. */
export function findLayerCaches(graph: Graph): LayerCache[] {
  const byLayer = (names: readonly string[]) => {
    const found = new Map<number, { key?: string; value?: string }>();
    for (const name of names) {
      const match = /^(?:past|present)\D*(\d+)\D*(key|value)/i.exec(name);
      if (!match) continue;
      const layer = Number(match[1]);
      const kind = (match[2] ?? '').toLowerCase() as 'key' | 'value';
      found.set(layer, { ...found.get(layer), [kind]: name });
    }
    return found;
  };
  const past = byLayer(
    graph
      .inputs()
      .map((input) => input.name)
      .filter((name) => /^past/i.test(name)),
  );
  const present = byLayer(
    graph.proto.output.map((output) => output.name).filter((name) => /^present/i.test(name)),
  );
  if (present.size === 0)
    throw new OnnxError('no KV cache outputs were found (present.<layer>.key and .value); export with cache');
  return [...present.keys()]
    .sort((a, b) => a - b)
    .map((layer) => {
      const { key: presentKey, value: presentValue } = present.get(layer) ?? {};
      const { key: pastKey, value: pastValue } = past.get(layer) ?? {};
      if (presentKey && presentValue && pastKey && pastValue)
        return { pastKey, pastValue, presentKey, presentValue };
      const parts = {
        'past key input': pastKey,
        'past value input': pastValue,
        'present key output': presentKey,
        'present value output': presentValue,
      };
      const missing = Object.entries(parts).filter(([, name]) => name === undefined);
      throw new OnnxError(`layer ${layer} has no ${missing.map(([part]) => part).join(' and no ')}`);
    });
}

/** @throws OnnxError that names the layer at which no block output was found. */
export function findResidualStream(graph: Graph): ResidualStream {
  if (!graph.proto.output.some((output) => output.name === 'logits'))
    throw new OnnxError('the graph has no output named logits');
  graph.finish();
  const layers = findLayerCaches(graph);
  const additions = graph.proto.node.filter(isAddition);
  const attentionOf = (layer: LayerCache) => {
    const node = graph.producer(layer.presentKey);
    if (!node) throw new OnnxError(`nothing in the graph computes ${layer.presentKey}`);
    return node;
  };

  const inputs = layers.map((layer, index) => {
    const attention = attentionOf(layer);
    const upstream = new Set<string>();
    for (const input of attention.input)
      for (const tensor of input ? graph.ancestors(input) : []) {
        upstream.add(tensor);
        // A skip norm gives the attention its norm and the residual stream its sum.
        for (const sibling of graph.producer(tensor)?.output ?? []) upstream.add(sibling);
      }
    const downstream = graph.descendants(attention.output.filter((name) => name !== ''));
    for (const node of additions) {
      const [a = '', b = ''] = node.input;
      if (downstream.has(a) === downstream.has(b)) continue;
      const entering = downstream.has(a) ? b : a;
      if (upstream.has(entering) && !graph.isConstant(entering)) return entering;
    }
    throw new OnnxError(
      `layer ${index}: no addition joins its attention (${attention.opType} ${attention.name}) to the residual stream`,
    );
  });

  const outputs = inputs.slice(1).map((tensor, index) => additionBehind(graph, tensor, index));
  outputs.push(lastBlockOutput(graph, additions, inputs));
  return { layers, outputs };
}

function additionBehind(graph: Graph, tensor: string, layer: number): BlockOutput {
  let node = graph.producer(tensor);
  // A float32 norm may read the stream through a cast.
  while (node?.opType === 'Cast' || node?.opType === 'Identity') {
    tensor = node.input[0] ?? '';
    node = graph.producer(tensor);
  }
  if (!node || !isAddition(node) || sumOf(node) !== tensor)
    throw new OnnxError(
      `block ${layer}: its output ${tensor} is made by ${node?.opType ?? 'nothing'}, not by an addition to the residual stream`,
    );
  return blockOutput(graph, node);
}

function blockOutput(graph: Graph, node: NodeProto): BlockOutput {
  return { node, fused: isSkipNorm(node), elementType: elementTypeOf(graph, node.input[0] ?? '') };
}

function lastBlockOutput(
  graph: Graph,
  additions: readonly NodeProto[],
  inputs: readonly string[],
): BlockOutput {
  const upstream = graph.ancestors('logits');
  const lastInput = inputs.at(-1) ?? '';
  // A skip norm gives the block its norm beside the sum.
  const inLastBlock = graph.descendants([lastInput, ...(graph.producer(lastInput)?.output ?? [])]);
  const node = additions.findLast((addition) => {
    const [a = '', b = ''] = addition.input;
    return addition.output.some((output) => upstream.has(output)) && inLastBlock.has(a) && inLastBlock.has(b);
  });
  if (!node)
    throw new OnnxError(
      `block ${inputs.length - 1}: no addition to the residual stream lies between it and the logits`,
    );
  return blockOutput(graph, node);
}
