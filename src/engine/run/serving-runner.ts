/** Runs the serving graft: prompt chunks, decode steps and scoring, each row with its own activation edit. */
import { attentionLengths } from '../../onnx/graft/fixed-shapes.js';
import type { RunOptions } from '../../ort/binding.js';
import type { Session } from '../../ort/session.js';
import { OrtError } from '../../ort/status.js';
import { ownArray, Tensor } from '../../ort/tensor.js';
import { reasonOf } from '../devices.js';
import { KeptBeginning } from '../kv/cached-prefix.js';
import type { KvCache, RowRange } from '../kv/kv-cache.js';
import type { ActivationEdit } from '../protocol.js';
import type { Sequence } from '../schedule/sequence.js';
import { type DecodeGraphs, nodeByNode } from './decode-graphs.js';
import type { DecodeRow } from './fixed-shape-step.js';
import { GraphRunner } from './graph-runner.js';
import { ProjectionOutput } from './projection-output.js';
import { SteeringInputs, type SteeringTensors } from './steering-inputs.js';

export class ServingRunner {
  readonly #runner: GraphRunner;
  /** Decode and prefill steps alternate: each keeps its own inputs, so neither rewrites the other's. */
  readonly #decodeSteering: SteeringInputs;
  readonly #chunkSteering: SteeringInputs;
  readonly #positions = new Map<string, Tensor>();
  /** Of the cache's scratch row. */
  readonly scratch = new KeptBeginning();
  #logits = ownArray(Float32Array, 1);
  #logitsTensor: Tensor | null = null;
  #logitsShape = '';
  readonly #projections = new ProjectionOutput();
  /** Of the last run. */
  #projected = this.#projections;
  /** By slot, of a decode step whose rows were runs of their own. */
  #rowProjections: readonly (Float32Array | null)[] = [];
  /** Whether the graph's shapes are fixed: then its positions count through all rows. */
  readonly #fixed: boolean;
  #graphs: DecodeGraphs | null = null;
  /** Graphs that failed; what they are bound to is released with the rest. */
  #givenUp: DecodeGraphs | null = null;

  constructor(
    session: Session,
    readonly cache: KvCache,
    readonly runOptions: RunOptions,
  ) {
    this.#runner = new GraphRunner(session, cache, runOptions);
    this.#fixed = session.inputNames.has(attentionLengths);
    const { layers, hiddenSize } = cache.spec;
    // WebGPU's kernels read out of bounds for K = 0.
    const fewest = session.device ? 1 : 0;
    this.#decodeSteering = new SteeringInputs(layers.length, hiddenSize, fewest);
    this.#chunkSteering = new SteeringInputs(layers.length, hiddenSize, fewest);
  }

  /** From now on decode steps are device graphs, where there is one for them. They are released with this. */
  useGraphs(graphs: DecodeGraphs): void {
    this.#graphs = graphs;
  }

  /**
   * One token for each sequence; slot = index. Returns logits [V] by slot, valid until the next run; null for a row that
   * was not computed, since it waits for its constraint's mask and its run could not be repeated.
   */
  decode(sequences: readonly Sequence[]): (slot: number) => Float32Array | null {
    if (this.cache.spec.kvLayout === 'concatenated') return this.#decodeOneByOne(sequences);
    const rows = sequences.map(({ lastToken, computed, steering: { edit } }) => ({
      lastToken,
      computed,
      edit,
    }));
    const projected = sequences.some(({ steering }) => steering.terms.length > 0);
    const logits = this.#graphs
      ? this.#replay(this.#graphs, rows, projected)
      : this.decodeRows(rows, projected);
    const size = this.cache.spec.vocabularySize;
    return (slot) => logits.subarray(slot * size, (slot + 1) * size);
  }

  /** A decode step as a device graph, where there is one for it. */
  #replay(graphs: DecodeGraphs, rows: readonly DecodeRow[], projected: boolean): Float32Array {
    let fault: OrtError | null = null;
    try {
      const step = graphs.stepFor(rows);
      if (step) {
        this.#rowProjections = [];
        this.#projected = step.projections;
        return step.run(rows, this.runOptions, projected);
      }
    } catch (error) {
      if (!(error instanceof OrtError)) throw error;
      fault = error;
    }
    // The same step node by node writes the same places of the cache. If it fails as well, no graph is at fault.
    const logits = this.decodeRows(rows, projected);
    if (fault) {
      this.#graphs = null;
      this.#givenUp = graphs;
      process.emitWarning(nodeByNode(reasonOf(fault)));
    }
    return logits;
  }

  /** A decode step node by node, slot = index: logits [B, V], valid until the next run. */
  decodeRows(rows: readonly DecodeRow[], projected: boolean): Float32Array {
    this.#run(
      { first: 0, rows: rows.length },
      rows.map(({ lastToken }) => [lastToken]),
      rows.map(({ computed }) => computed),
      this.#decodeSteering.fill(
        rows.map(({ edit, computed }) => ({ edit, position: computed })),
        1,
      ),
      0,
      1,
      projected,
    );
    return this.#logits;
  }

  /** The graph takes one length for all rows of a batch: rows of different lengths are runs of their own. */
  #decodeOneByOne(sequences: readonly Sequence[]): (slot: number) => Float32Array | null {
    const projections: (Float32Array | null)[] = [];
    const logits = sequences.map((sequence, slot) => {
      const { lastToken, computed, waitsForMask } = sequence;
      const { edit, terms } = sequence.steering;
      if (waitsForMask) {
        projections.push(null);
        return null;
      }
      const made = this.chunk(slot, [lastToken], computed, edit, 1, terms.length > 0).slice();
      projections.push(terms.length > 0 ? this.#projections.read(0, 0, terms) : null);
      return made;
    });
    this.#rowProjections = projections;
    return (slot) => logits[slot] ?? null;
  }

  /**
   * A chunk of one text into one cache row, after the `past` tokens already there.
   * @param scored how many of the chunk's last positions need logits; 0 skips the LM head.
   * @param projected whether `projections` will be asked for.
   * @returns logits [scored * V], valid until the next run.
   */
  chunk(
    row: number,
    tokens: readonly number[],
    past: number,
    edit: ActivationEdit,
    scored: number,
    projected = false,
  ): Float32Array {
    const steering = this.#chunkSteering.fill([{ edit, position: past }], tokens.length);
    this.#run({ first: row, rows: 1 }, [tokens], [past], steering, tokens.length - scored, scored, projected);
    return this.#logits.subarray(0, scored * this.cache.spec.vocabularySize);
  }

  /**
   * [M, L] <h, v>, before the edit, of M terms of a row's edit: the last run's rows and positions, if it was a
   * decode step of a sequence that monitors, or a chunk that said so.
   */
  projections(row: number, position: number, terms: readonly number[]): Float32Array {
    return this.#rowProjections[row] ?? this.#projected.read(row, position, terms);
  }

  #run(
    range: RowRange,
    ids: readonly (readonly number[])[],
    pasts: readonly number[],
    steering: SteeringTensors,
    firstLogit: number,
    logits: number,
    projected: boolean,
  ): void {
    this.#rowProjections = [];
    this.#projected = this.#projections;
    const outputs: Record<string, Tensor> = { logits: this.#logitsFor(range.rows, logits) };
    if (projected) outputs.steering_projection = this.#projections.reshape(steering.add.shape);
    this.#runner.run(range, ids, pasts, {
      inputs: {
        steering_vectors: steering.vectors,
        steering_add: steering.add,
        steering_scale: steering.scale,
        logit_positions: this.#logitPositions(range.rows, ids[0]?.length ?? 0, firstLogit, logits),
      },
      outputs,
    });
  }

  #logitPositions(rows: number, length: number, first: number, count: number): Tensor {
    const step = this.#fixed ? length : 0;
    const key = `${rows} ${step} ${first} ${count}`;
    const known = this.#positions.get(key);
    if (known) return known;
    const array = ownArray(BigInt64Array, rows * count);
    for (let i = 0; i < array.length; i++)
      array[i] = BigInt(step * Math.floor(i / count) + first + (i % count));
    const tensor = Tensor.over(array, 'int64', [rows, count]);
    this.#positions.set(key, tensor);
    return tensor;
  }

  #logitsFor(rows: number, count: number): Tensor {
    const shape = `${rows} ${count}`;
    if (this.#logitsTensor && this.#logitsShape === shape) return this.#logitsTensor;
    const size = this.cache.spec.vocabularySize;
    if (this.#logits.length < rows * count * size) this.#logits = ownArray(Float32Array, rows * count * size);
    this.#logitsTensor?.release();
    this.#logitsTensor = Tensor.over(this.#logits, 'float32', [rows, count, size]);
    this.#logitsShape = shape;
    return this.#logitsTensor;
  }

  /** Before the session is released. */
  release(): void {
    (this.#graphs ?? this.#givenUp)?.release();
    this.#runner.release();
    this.#projections.release();
  }
}
