/**
 * Runs a few tokens of one sequence at once, of which the first is known and the others are a guess: a draft. The graph is
 * the serving graft with its attention split by tokens (onnx/rewrite/split-attention.ts), so each token gets the bits that
 * a decode step of its own would give it, if those before it are right. What was computed of wrong ones is overwritten.
 */
import type { RunOptions } from '../../ort/binding.js';
import type { Session } from '../../ort/session.js';
import { ownArray, Tensor } from '../../ort/tensor.js';
import type { HostKvCache } from '../kv/host-kv-cache.js';
import type { ActivationEdit } from '../protocol.js';
import type { RunOutput } from './fixed-shape-step.js';
import { GraphRunner } from './graph-runner.js';
import { ProjectionOutput, SteeringInputs } from './steering-tensors.js';

export class DraftRunner {
  readonly #runner: GraphRunner;
  readonly #steering: SteeringInputs;
  readonly #positions: Tensor;
  readonly #logits: Float32Array;
  readonly #logitsTensor: Tensor;
  readonly #projections = new ProjectionOutput();

  /**
   * @param cache of the serving graft
   * @param tokens of each run, as many as the graph's attention has parts
   */
  constructor(
    readonly session: Session,
    readonly cache: HostKvCache,
    readonly runOptions: RunOptions,
    readonly tokens: number,
  ) {
    const { spec } = cache;
    this.#runner = new GraphRunner(session, spec, cache.inParts('tokens', tokens), runOptions);
    // Of several empty products ONNX Runtime 1.30 zeroes the first one only; a term without coefficients adds zero.
    this.#steering = new SteeringInputs(spec.layers.length, spec.hiddenSize, 1);
    const positions = ownArray(BigInt64Array, tokens);
    for (let position = 0; position < tokens; position++) positions[position] = BigInt(position);
    this.#positions = Tensor.over(positions, 'int64', [1, tokens]);
    this.#logits = ownArray(Float32Array, tokens * spec.vocabularySize);
    this.#logitsTensor = Tensor.over(this.#logits, 'float32', [1, tokens, spec.vocabularySize]);
  }

  /**
   * One run in a cache row that has room for `tokens` more.
   * @param ids 1 to `tokens` of them, the known one first
   * @param past tokens in the row before them
   * @param projected whether projections are wanted
   * @returns logits [tokens, V], of which those of `ids` mean something; projections of every position in row 0
   * @throws OrtError
   */
  run(
    row: number,
    ids: readonly number[],
    past: number,
    edit: ActivationEdit,
    projected: boolean,
  ): RunOutput {
    const { add, scale, vectors } = this.#steering.fill([{ edit, position: past }], this.tokens);
    const padded = [...ids, ...new Array<number>(this.tokens - ids.length).fill(0)];
    const inputs = {
      steering_vectors: vectors,
      steering_add: add,
      steering_scale: scale,
      logit_positions: this.#positions,
    };
    const outputs = {
      logits: this.#logitsTensor,
      ...(projected && { steering_projection: this.#projections.reshape(add.shape) }),
    };
    this.#runner.run({ first: row, rows: 1 }, [padded], [past], { inputs, outputs });
    return { logits: this.#logits, projections: projected ? this.#projections : null };
  }

  /** With its session, and before the cache is released. */
  release(): void {
    this.#runner.release();
    this.#steering.release();
    this.#projections.release();
    this.#positions.release();
    this.#logitsTensor.release();
    this.session.release();
  }
}
