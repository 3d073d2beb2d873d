/** Prepares an export for a graft: checks that it can have one, and finds its residual stream. */
import { findResidualStream, type ResidualStream } from '../find/residual-stream.js';
import { Graph } from '../graph/graph.js';
import { cloneModel, OnnxError } from '../graph/model-file.js';
import { replaceReshapedWeights } from '../rewrite/reshaped-weights.js';
import type { ModelProto } from '../schema/onnx_pb.js';

/** The oldest operator set whose Squeeze, Unsqueeze and ReduceSum take their axes as inputs. */
const oldestOpset = 13;

/**
 * Input of transformers.js exports: the number of last positions that get logits, 0 for all. A graft has its own input
 * for that, so it fixes this one to 0.
 */
export const logitCountInput = 'num_logits_to_keep';

/** Inputs that only grafted models have. */
const graftInputs: ReadonlySet<string> = new Set(['steering_vectors', 'capture_positions']);

interface OpenedExport {
  /** Of a copy of the model, which may be edited. */
  readonly graph: Graph;
  readonly stream: ResidualStream;
}

/** @throws OnnxError when the export cannot be grafted, naming what was missing */
export function openForGraft(model: ModelProto): OpenedExport {
  const graph = new Graph(cloneModel(model));
  if (graph.opset < oldestOpset)
    throw new OnnxError(`opset ${graph.opset} is too old to graft: ${oldestOpset} or newer is needed`);
  const own = graph.inputs().find((input) => graftInputs.has(input.name));
  if (own) throw new OnnxError(`the model is a graft already: it has the input ${own.name}`);
  graph.fixInput(logitCountInput, 0);
  replaceReshapedWeights(graph);
  // onnxruntime-genai's model builder declares repeated keys to be as long as the new tokens, which is wrong with a
  // past.
  if (graph.proto.node.some((node) => node.opType === 'MultiHeadAttention')) graph.proto.valueInfo = [];
  return { graph, stream: findResidualStream(graph) };
}
