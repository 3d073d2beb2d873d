/**
 * Builds the graph and the weights of a model from a checkpoint: `model.onnx`, `model.onnx.data` and further such files,
 * and `genai_config.json` with the sizes that a graph does not tell. The same checkpoint gives the same bytes.
 */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { errors } from '../errors.js';
import { serializeModel } from '../onnx/graph/model-file.js';
import { CheckpointWeights } from './checkpoint-weights.js';
import { type BuiltGraph, decoderGraph } from './decoder-graph.js';
import { describeDecoder } from './describe.js';
import type { Decoder, Precision } from './description/decoder.js';
import { paddedHeads } from './padded-heads.js';
import { writeWeights } from './write-weights.js';

export interface BuildRequest {
  readonly checkpoint: Checkpoint;
  readonly precision: Precision;
  /** An existing folder. One that a build of the same was broken off in is gone on with. */
  readonly out: string;
  readonly signal: AbortSignal;
  /** Bytes of weights that are written, and all. */
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
}

/** The graph's own file is written aside and renamed last: where it is, all weights are. */
const graphFile = 'model.onnx';

/** @throws SteerdError model_unsupported, checkpoint_invalid; the signal's reason; the file system's error */
export async function buildModel({
  checkpoint,
  precision,
  out,
  signal,
  onProgress,
}: BuildRequest): Promise<void> {
  const decoder = describeDecoder(checkpoint);
  const { model, plan } = planModel(checkpoint, decoder, precision);
  await writeWeights(plan, { out, signal, onProgress });
  await writeFile(join(out, 'genai_config.json'), `${JSON.stringify(sizes(decoder), null, 2)}\n`);
  await writeFile(join(out, `.${graphFile}.new`), serializeModel(model));
  signal.throwIfAborted();
  await rename(join(out, `.${graphFile}.new`), join(out, graphFile));
}

/** Bytes of the files that a build writes, known without reading a weight. @throws SteerdError as buildModel */
export function buildSize(checkpoint: Checkpoint, precision: Precision): number {
  const decoder = describeDecoder(checkpoint);
  const { model, plan } = planModel(checkpoint, decoder, precision);
  return plan.bytes + serializeModel(model).length + JSON.stringify(sizes(decoder), null, 2).length + 1;
}

function planModel(checkpoint: Checkpoint, decoder: Decoder, precision: Precision): BuiltGraph {
  const weights = new CheckpointWeights(paddedHeads(checkpoint.tensors, decoder.layout));
  const built = decoderGraph(decoder, weights, precision);
  const unused = weights.unused(decoder.blocks.length);
  if (unused.length > 0)
    throw errors.checkpointUnsupported(
      'the checkpoint',
      `it has tensors that ${decoder.modelType} does not: ${unused.slice(0, 8).join(', ')}${unused.length > 8 ? ', ...' : ''}`,
    );
  return built;
}

/** In onnxruntime-genai's words. */
function sizes(decoder: Decoder) {
  return {
    model: {
      type: decoder.modelType,
      context_length: decoder.context,
      decoder: {
        filename: graphFile,
        head_size: decoder.headDim,
        hidden_size: decoder.hidden,
        num_attention_heads: decoder.heads,
        num_hidden_layers: decoder.blocks.length,
        num_key_value_heads: decoder.kvHeads,
      },
    },
  };
}
