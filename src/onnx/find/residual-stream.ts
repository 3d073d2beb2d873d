/**
 * Finds the residual stream of a decoder export by the structure of its graph, not by names.
 *
 * A block adds its attention's output to its input. So the input of block l is that operand of the first addition
 * downstream of attention l which does not depend on attention l but which attention l depends on. That holds for norms
 * before, after and around the sublayers, fused (SkipLayerNormalization adds and normalises in one node) or decomposed,
 * and for attention and MLP in parallel. The input of block l is the output of block l-1; the output of the last block
 * is the last addition of two computed tensors before the logits.
 */
import { elementTypeOf } from '../graph/element-types.js';
import type { Graph } from '../graph/graph.js';
import { OnnxError } from '../graph/model-file.js';
import type { NodeProto } from '../schema/onnx_pb.js';

/** The names of the graph's inputs and outputs with the KV cache of one layer. */
export interface LayerCache {
  readonly pastKey: string;
  readonly pastValue: string;
  readonly presentKey: string;
  readonly presentValue: string;
}

/** Where the graph computes a block's output. */
export interface BlockOutput {
  /** The addition: `Add`, `Sum`, or a skip norm, whose fourth output is the sum. */
  readonly node: NodeProto;
  /** True for a skip norm. */
  readonly fused: boolean;
  /** TensorProto.DataType of the residual stream there. */
  readonly elementType: number;
}

export interface ResidualStream {
  readonly layers: readonly LayerCache[];
  /** The output of each layer's block. */
  readonly outputs: readonly BlockOutput[];
}

/** Operators that add two tensors and normalise the sum (com.microsoft). */
const skipNorms = new Set(['SkipSimplifiedLayerNormalization', 'SkipLayerNormalization']);
/** The output of a skip norm that is the sum input + skip. */
export const skipSumOutput = 3;

function isAddition(node: NodeProto): boolean {
  return node.opType === 'Add' || (node.opType === 'Sum' && node.input.length === 2) || isSkipNorm(node);
}

function isSkipNorm(node: NodeProto): boolean {
  return skipNorms.has(node.opType);
}

/** The name of the sum; "" for a skip norm that does not give it out. */
function sumOf(node: NodeProto): string {
  return (isSkipNorm(node) ? node.output[skipSumOutput] : node.output[0]) ?? '';
}

/**
 * Pairs inputs such as `past_key_values.3.key` with outputs such as `present.3.key`, by the layer's number and key or
 * value; in the order of the layers.
 * @throws OnnxError naming what is missing
 */
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

/**
 * Finds the blocks' outputs. Drops nodes that no output depends on (`Graph.finish`) but edits nothing else.
 * @throws OnnxError naming the layer whose block output was not found
 */
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
        // A skip norm has two outputs: the norm, which the attention reads, and the sum, which the residual stream is.
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

/** The addition that computes a block's output. */
function additionBehind(graph: Graph, tensor: string, layer: number): BlockOutput {
  let node = graph.producer(tensor);
  // A norm in float32 may read the residual stream through a cast.
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
  // With a skip norm, the block reads the norm, which is another output of the same node.
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
