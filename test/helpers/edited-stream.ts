/**
 * The residual stream as the next layer reads it, edits and all: a serving graft with each block's edited output
 * as an output of the graph, so that what an operation promises is measured where it counts.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KvCache } from '../../src/engine/kv/kv-cache.js';
import { openKvCache } from '../../src/engine/kv/open-kv-cache.js';
import { readModelSpec } from '../../src/engine/model-spec.js';
import type { ActivationEdit } from '../../src/engine/protocol.js';
import { GraphRunner } from '../../src/engine/run/graph-runner.js';
import { SteeringInputs } from '../../src/engine/run/steering-tensors.js';
import { findResidualStream, skipSumOutput } from '../../src/onnx/find/residual-stream.js';
import { graftForServing } from '../../src/onnx/graft/serving-graft.js';
import { dataTypes } from '../../src/onnx/graph/data-types.js';
import { Graph } from '../../src/onnx/graph/graph.js';
import { parseModel, serializeModel } from '../../src/onnx/graph/model-file.js';
import type { ModelProto } from '../../src/onnx/schema/onnx_pb.js';
import { RunOptions } from '../../src/ort/binding.js';
import { Session } from '../../src/ort/session.js';
import { ownArray, Tensor } from '../../src/ort/tensor.js';
import { upTo } from './run-graph.js';

/** The serving graft that also gives `edited_stream_<layer>` [B, S, H], the last one at the logit positions. */
export function withEditedStream(model: ModelProto): ModelProto {
  const graph = new Graph(graftForServing(model));
  // What the graft made is found as any export's stream is: the sums the next block starts from.
  findResidualStream(graph).outputs.forEach(({ node, fused }, layer) => {
    const sum = fused
      ? graph.nameOutput(node, skipSumOutput, `edited_stream_${layer}_sum`)
      : (node.output[0] ?? '');
    graph.add('Identity', [sum], `edited_stream_${layer}`);
    graph.addOutput(`edited_stream_${layer}`, dataTypes.float32, ['batch_size', 'positions', 'hidden_size']);
  });
  graph.finish();
  return graph.model;
}

export interface Streamed {
  /** [L, S, H] */
  readonly stream: Float32Array;
  /** [L, S, K] before the edit; K terms of the edit. */
  readonly projections: Float32Array;
  /** [S, V] */
  readonly logits: Float32Array;
}

export class EditedStream {
  private constructor(
    readonly session: Session,
    readonly cache: KvCache,
  ) {}

  static async open(directory: string, capacity = 64, change = (model: ModelProto) => model) {
    const file = join(directory, 'model.onnx');
    const model = change(parseModel(readFileSync(file), file));
    const session = await Session.create(serializeModel(withEditedStream(model)), {
      threads: 1,
      weightsDirectory: directory,
      spinning: false,
    });
    const spec = await readModelSpec(model, directory);
    return new EditedStream(session, await openKvCache(spec, session, 1, capacity));
  }

  /** A whole text under an edit, in one run. */
  run(tokens: readonly number[], edit: ActivationEdit): Streamed {
    const { layers, hiddenSize, vocabularySize } = this.cache.spec;
    const options = new RunOptions();
    const runner = new GraphRunner(this.session, this.cache.spec, this.cache, options);
    const length = tokens.length;
    const steering = new SteeringInputs(layers.length, hiddenSize).fill([{ edit, position: 0 }], length);
    const stream = ownArray(Float32Array, layers.length * length * hiddenSize);
    const logits = ownArray(Float32Array, length * vocabularySize);
    const projections = ownArray(Float32Array, layers.length * length * edit.length);
    const states = layers.map(() => ownArray(Float32Array, length * hiddenSize));
    const inputs = {
      steering_vectors: steering.vectors,
      steering_add: steering.add,
      steering_scale: steering.scale,
      logit_positions: Tensor.over(BigInt64Array.from(upTo(length), BigInt), 'int64', [1, length]),
    };
    const outputs: Record<string, Tensor> = {
      logits: Tensor.over(logits, 'float32', [1, length, vocabularySize]),
      steering_projection: Tensor.over(projections, 'float32', [layers.length, 1, length, edit.length]),
    };
    for (const [layer, state] of states.entries())
      outputs[`edited_stream_${layer}`] = Tensor.over(state, 'float32', [1, length, hiddenSize]);
    try {
      runner.run({ first: 0, rows: 1 }, [tokens], [0], { inputs, outputs });
    } finally {
      runner.release();
      options.release();
      for (const tensor of [...Object.values(inputs), ...Object.values(outputs)]) tensor.release();
    }
    for (const [layer, state] of states.entries()) stream.set(state, layer * length * hiddenSize);
    return { stream, projections, logits };
  }

  release(): void {
    this.session.release();
  }
}
