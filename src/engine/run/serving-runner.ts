/** Runs the serving graft: chunks of prompts and given texts, and decode steps. Each row has its own activation edit. */
import { attentionLengths } from '../../onnx/graft/fixed-shapes.js';
import type { RunOptions } from '../../ort/binding.js';
import { forgetContents } from '../../ort/page-memory.js';
import type { Session } from '../../ort/session.js';
import { OrtError } from '../../ort/status.js';
import { ownArray, Tensor } from '../../ort/tensor.js';
import { reasonOf } from '../devices.js';
import { CachedPrefix, type KvCache, type RowRange } from '../kv/kv-cache.js';
import type { ActivationEdit } from '../protocol.js';
import type { Sequence } from '../schedule/sequence.js';
import { type DecodeGraphs, notReplayed } from './decode-graphs.js';
import type { DecodeRow, RunOutput } from './fixed-shape-step.js';
import { GraphRunner } from './graph-runner.js';
import { ProjectionOutput, SteeringInputs, type SteeringTensors } from './steering-tensors.js';

/** What a decode step computed for one sequence. */
interface Decoded {
  readonly sequence: Sequence;
  /** [V], valid until the next run. */
  readonly logits: Float32Array;
  /** [M, L] <h, v> before the edit, of the M monitored directions; null when the sequence monitors none. */
  readonly projections: Float32Array | null;
}

export class ServingRunner {
  readonly #runner: GraphRunner;
  /** Decode steps and chunks alternate: with inputs of their own, neither overwrites the other's. */
  readonly #decodeSteering: SteeringInputs;
  readonly #chunkSteering: SteeringInputs;
  readonly #logitPositions = new Map<string, Tensor>();
  /** Of the cache's scratch row. */
  readonly scratchPrefix = new CachedPrefix();
  #logits = ownArray(Float32Array, 1);
  #logitsTensor: Tensor | null = null;
  #logitsShape = '';
  readonly #projections = new ProjectionOutput();
  /** Whether the graph's shapes are fixed: then `logit_positions` count through all rows of a batch. */
  readonly #fixedShapes: boolean;
  #graphs: DecodeGraphs | null = null;
  /** Graphs that have failed. They stay bound to the cache until this runner is released. */
  #failedGraphs: DecodeGraphs | null = null;

  constructor(
    session: Session,
    readonly cache: KvCache,
    readonly runOptions: RunOptions,
  ) {
    this.#runner = new GraphRunner(session, cache.spec, cache, runOptions);
    this.#fixedShapes = session.inputNames.has(attentionLengths);
    const { layers, hiddenSize } = cache.spec;
    // WebGPU's kernels read out of bounds for K = 0.
    const fewest = session.device ? 1 : 0;
    this.#decodeSteering = new SteeringInputs(layers.length, hiddenSize, fewest);
    this.#chunkSteering = new SteeringInputs(layers.length, hiddenSize, fewest);
  }

  /** From now on decode steps are device graphs, where there is one for them. They are released with this runner. */
  useGraphs(graphs: DecodeGraphs): void {
    this.#graphs = graphs;
  }

  /**
   * Runs one token of each sequence; slot = index.
   * @returns one entry for each sequence that was computed. All are, in one run, in an in-place cache. In a concatenated
   *   cache each is a run of its own, and sequences that wait for a constraint's mask are left out: their run could not
   *   be repeated.
   * @throws OrtError
   */
  decode(sequences: readonly Sequence[]): Decoded[] {
    if (this.cache.layout === 'concatenated') return this.#decodeOneByOne(sequences);
    const projected = sequences.some(({ monitored }) => monitored.length > 0);
    const { logits, projections } = this.#graphs
      ? this.#replay(this.#graphs, sequences, projected)
      : this.decodeRows(sequences, projected);
    const size = this.cache.spec.vocabularySize;
    return sequences.map((sequence, slot) => ({
      sequence,
      logits: logits.subarray(slot * size, (slot + 1) * size),
      projections: readProjections(projections, slot, sequence),
    }));
  }

  /** A decode step as a device graph, where there is one for it. */
  #replay(graphs: DecodeGraphs, rows: readonly DecodeRow[], projected: boolean): RunOutput {
    let fault: OrtError | null = null;
    try {
      const step = graphs.stepFor(rows);
      if (step) return step.run(rows, this.runOptions, projected);
    } catch (error) {
      if (!(error instanceof OrtError)) throw error;
      fault = error;
    }
    // The same step node by node writes the same places of the cache. If it fails as well, the graph is not at fault.
    const output = this.decodeRows(rows, projected);
    if (fault) {
      this.#graphs = null;
      this.#failedGraphs = graphs;
      process.emitWarning(notReplayed(reasonOf(fault)));
    }
    return output;
  }

  /** A decode step node by node, for an in-place cache; slot = index. Logits are [B, V]. @throws OrtError */
  decodeRows(rows: readonly DecodeRow[], projected: boolean): RunOutput {
    return this.#run(
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
  }

  #decodeOneByOne(sequences: readonly Sequence[]): Decoded[] {
    return sequences.flatMap((sequence, slot) => {
      const { lastToken, computed, edit, monitored, waitsForMask } = sequence;
      if (waitsForMask) return [];
      const { logits, projections } = this.chunk(slot, [lastToken], computed, edit, 1, monitored.length > 0);
      // The next sequence's run overwrites the logits.
      return [{ sequence, logits: logits.slice(), projections: readProjections(projections, 0, sequence) }];
    });
  }

  /**
   * Runs a chunk of one text in one cache row, after the `past` tokens already there.
   * @param scored how many of the chunk's last positions need logits; 0 skips the LM head
   * @param projected whether projections are wanted
   * @returns logits [scored, V], and projections of every position in row 0
   * @throws OrtError
   */
  chunk(
    row: number,
    tokens: readonly number[],
    past: number,
    edit: ActivationEdit,
    scored: number,
    projected = false,
  ): RunOutput {
    const steering = this.#chunkSteering.fill([{ edit, position: past }], tokens.length);
    const first = tokens.length - scored;
    return this.#run({ first: row, rows: 1 }, [tokens], [past], steering, first, scored, projected);
  }

  /** Logits of the `scored` positions of each row from `firstScored` on. */
  #run(
    range: RowRange,
    ids: readonly (readonly number[])[],
    pasts: readonly number[],
    steering: SteeringTensors,
    firstScored: number,
    scored: number,
    projected: boolean,
  ): RunOutput {
    const outputs: Record<string, Tensor> = { logits: this.#logitsFor(range.rows, scored) };
    if (projected) outputs.steering_projection = this.#projections.reshape(steering.add.shape);
    this.#runner.run(range, ids, pasts, {
      inputs: {
        steering_vectors: steering.vectors,
        steering_add: steering.add,
        steering_scale: steering.scale,
        logit_positions: this.#positionsFor(range.rows, ids[0]?.length ?? 0, firstScored, scored),
      },
      outputs,
    });
    return {
      logits: this.#logits.subarray(0, range.rows * scored * this.cache.spec.vocabularySize),
      projections: projected ? this.#projections : null,
    };
  }

  #positionsFor(rows: number, length: number, first: number, count: number): Tensor {
    const step = this.#fixedShapes ? length : 0;
    const key = `${rows} ${step} ${first} ${count}`;
    const known = this.#logitPositions.get(key);
    if (known) return known;
    const array = ownArray(BigInt64Array, rows * count);
    for (let i = 0; i < array.length; i++)
      array[i] = BigInt(step * Math.floor(i / count) + first + (i % count));
    const tensor = Tensor.over(array, 'int64', [rows, count]);
    this.#logitPositions.set(key, tensor);
    return tensor;
  }

  #logitsFor(rows: number, count: number): Tensor {
    const shape = `${rows} ${count}`;
    if (this.#logitsTensor && this.#logitsShape === shape) return this.#logitsTensor;
    const size = this.cache.spec.vocabularySize;
    const needed = rows * count * size;
    // Batches grow row by row: an array for each number of rows would be garbage of many times its size.
    if (this.#logits.length < needed)
      this.#logits = ownArray(Float32Array, Math.max(needed, 2 * this.#logits.length));
    this.#logitsTensor?.release();
    this.#logitsTensor = Tensor.over(this.#logits, 'float32', [rows, count, size]);
    this.#logitsShape = shape;
    return this.#logitsTensor;
  }

  /** Nothing runs, and what the scratch row holds will not be asked for again: gives the memory of both back. */
  forgetReads(): void {
    this.scratchPrefix.start([]);
    if (!this.cache.onDevice) this.#shrinkArena();
    this.cache.forget(this.cache.scratch);
    forgetContents(this.#logits);
  }

  /** The session's arena grows with its largest run, and shrinks at the end of a run only. */
  #shrinkArena(): void {
    this.runOptions.shrinkArena(true);
    try {
      this.chunk(this.cache.scratch, [0, 0], 0, [], 0);
    } finally {
      this.runOptions.shrinkArena(false);
    }
  }

  /** Before the cache and the session are released. */
  release(): void {
    (this.#graphs ?? this.#failedGraphs)?.release();
    this.#runner.release();
    this.#projections.release();
  }
}

/** Of a decode step's row: a copy, since the sequence's message outlives the next run. */
function readProjections(
  projections: ProjectionOutput | null,
  row: number,
  { monitored }: Sequence,
): Float32Array | null {
  return projections && monitored.length > 0 ? projections.read(row, 0, monitored) : null;
}
