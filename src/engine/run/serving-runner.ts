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
import { paddedLength } from '../schedule/chunks.js';
import { withMonitored } from '../schedule/monitored-edit.js';
import type { Sequence } from '../schedule/sequence.js';
import { NumbersBroke } from './broken-numbers.js';
import { type DecodeGraphs, notReplayed } from './decode-graphs.js';
import type { DecodeRow, RunOutput } from './fixed-shape-step.js';
import { GraphRunner } from './graph-runner.js';
import { ProjectionOutput, SteeringInputs, type SteeringTensors } from './steering-tensors.js';

/** What a run computed for one sequence. */
interface Decoded {
  readonly sequence: Sequence;
  /** [V], valid until the next run. */
  readonly logits: Float32Array;
  /** [M, L] <h, v> before the edit, of the M monitored directions; null when the sequence monitors none. */
  readonly projections: Float32Array | null;
  /** The sequence's numbers broke in this step: there is nothing to sample from. */
  readonly broken?: NumbersBroke;
}

export class ServingRunner {
  readonly #runner: GraphRunner;
  /** Decode steps and chunks alternate: with inputs of their own, neither overwrites the other's. */
  readonly #decodeSteering: SteeringInputs;
  readonly #chunkSteering: SteeringInputs;
  readonly #logitPositions = new Map<string, Tensor>();
  /** Of the cache's scratch row. */
  readonly scratchPrefix = new CachedPrefix();
  #lastPositionsTensor: Tensor | null = null;
  #logits = ownArray(Float32Array, 1);
  #logitsTensor: Tensor | null = null;
  #logitsShape = '';
  readonly #projections = new ProjectionOutput();
  /** Whether the graph's shapes are fixed: then `logit_positions` count through all rows of a batch. */
  readonly #fixedShapes: boolean;
  readonly #device: boolean;
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
    this.#device = session.device !== null && session.device !== undefined;
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
    // Those of an edit's terms tell whether it drove an activation out of range.
    const projected = sequences.some(({ edit }) => edit.length > 0);
    const { logits, projections } = this.#graphs
      ? this.#replay(this.#graphs, sequences, projected)
      : this.decodeRows(sequences, projected);
    const size = this.cache.spec.vocabularySize;
    return sequences.map((sequence, slot) => {
      const { edit, computed: position } = sequence;
      const layer = projections?.brokenLayer(slot, { edit, position }, 1) ?? null;
      return {
        sequence,
        logits: logits.subarray(slot * size, (slot + 1) * size),
        projections: readProjections(projections, slot, 0, sequence),
        ...(layer !== null && { broken: new NumbersBroke(layer) }),
      };
    });
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
      this.#positionsFor(rows.length, 1, 0, 1),
      1,
      projected,
    );
  }

  #decodeOneByOne(sequences: readonly Sequence[]): Decoded[] {
    return sequences.flatMap((sequence, slot) => {
      const { lastToken, computed, edit, monitored, waitsForMask } = sequence;
      if (waitsForMask) return [];
      try {
        const { logits, projections } = this.chunk(
          slot,
          [lastToken],
          computed,
          edit,
          1,
          monitored.length > 0,
        );
        // The next sequence's run overwrites the logits.
        return [
          { sequence, logits: logits.slice(), projections: readProjections(projections, 0, 0, sequence) },
        ];
      } catch (error) {
        if (!(error instanceof NumbersBroke)) throw error;
        return [{ sequence, logits: new Float32Array(0), projections: null, broken: error }];
      }
    });
  }

  /**
   * Runs a chunk of one text in one cache row, after the `past` tokens already there.
   * @param scored how many of the chunk's last positions need logits; 0 skips the LM head
   * @param projected whether projections are wanted
   * @returns logits [scored, V], and projections of every position in row 0
   * @throws OrtError; NumbersBroke when the edit drives an activation out of range
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
    const watched = projected || edit.length > 0;
    const positions = this.#positionsFor(1, tokens.length, first, scored);
    const output = this.#run({ first: row, rows: 1 }, [tokens], [past], steering, positions, scored, watched);
    const layer = output.projections?.brokenLayer(0, { edit, position: past }, tokens.length) ?? null;
    if (layer !== null) throw new NumbersBroke(layer);
    return projected ? output : { ...output, projections: null };
  }

  /**
   * Of a row whose logits are no numbers: in which block that began, by running its last token once more.
   * @param past tokens in the row before it
   */
  whereBroken(row: number, token: number, past: number, edit: ActivationEdit): NumbersBroke {
    // Elsewhere a run cannot be repeated at this place.
    const repeats = this.cache.layout === 'in place' && !this.#device;
    const { layers, hiddenSize } = this.cache.spec;
    try {
      // A product with an infinite number is none, even one with zero.
      const vectors = new Float32Array(layers.length * hiddenSize);
      const { edit: watched } = withMonitored(edit, edit.length > 0 ? [] : [vectors]);
      if (repeats) this.chunk(row, [token], past, watched, 0, true);
    } catch (error) {
      if (error instanceof NumbersBroke) return error;
      throw error;
    }
    return new NumbersBroke(null);
  }

  /**
   * Runs whole prompts of several sequences at once, in neighbouring rows from `first` on, padded to the longest. Each
   * gets the same bits as alone. For an in-place cache in host memory.
   * @throws OrtError
   */
  prompts(first: number, sequences: readonly Sequence[]): Decoded[] {
    const prompts = sequences.map(({ request }) => request.prompt);
    const lengths = prompts.map(({ length }) => length);
    const length = paddedLength(Math.max(...lengths));
    const steering = this.#chunkSteering.fill(
      sequences.map(({ edit }) => ({ edit, position: 0 })),
      length,
    );
    const { logits, projections } = this.#run(
      { first, rows: prompts.length },
      prompts.map((prompt) => [...prompt, ...new Array<number>(length - prompt.length).fill(0)]),
      prompts.map(() => 0),
      steering,
      this.#lastPositions(lengths, length),
      1,
      sequences.some(({ edit }) => edit.length > 0),
      lengths,
    );
    const size = this.cache.spec.vocabularySize;
    return sequences.map((sequence, row) => {
      const tokens = sequence.request.prompt.length;
      const layer = projections?.brokenLayer(row, { edit: sequence.edit, position: 0 }, tokens) ?? null;
      return {
        sequence,
        logits: logits.subarray(row * size, (row + 1) * size),
        projections: readProjections(projections, row, tokens - 1, sequence),
        ...(layer !== null && { broken: new NumbersBroke(layer) }),
      };
    });
  }

  #lastPositions(lengths: readonly number[], length: number): Tensor {
    const array = ownArray(BigInt64Array, lengths.length);
    array.set(lengths.map((own, row) => BigInt((this.#fixedShapes ? row * length : 0) + own - 1)));
    this.#lastPositionsTensor?.release();
    this.#lastPositionsTensor = Tensor.over(array, 'int64', [lengths.length, 1]);
    return this.#lastPositionsTensor;
  }

  /** Logits of `scored` positions of each row. */
  #run(
    range: RowRange,
    ids: readonly (readonly number[])[],
    pasts: readonly number[],
    steering: SteeringTensors,
    positions: Tensor,
    scored: number,
    projected: boolean,
    lengths?: readonly number[],
  ): RunOutput {
    const outputs: Record<string, Tensor> = { logits: this.#logitsFor(range.rows, scored) };
    if (projected) outputs.steering_projection = this.#projections.reshape(steering.add.shape);
    const inputs = {
      steering_vectors: steering.vectors,
      steering_add: steering.add,
      steering_scale: steering.scale,
      logit_positions: positions,
    };
    this.#runner.run(range, ids, pasts, { inputs, outputs }, lengths);
    return {
      logits: this.#logits.subarray(0, range.rows * scored * this.cache.spec.vocabularySize),
      projections: projected ? this.#projections : null,
    };
  }

  /** The `count` positions of each row from `first` on. */
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
    this.#decodeSteering.release();
    this.#chunkSteering.release();
    this.#projections.release();
    for (const positions of this.#logitPositions.values()) positions.release();
    this.#logitPositions.clear();
    this.#lastPositionsTensor?.release();
    this.#lastPositionsTensor = null;
    this.#logitsTensor?.release();
    this.#logitsTensor = null;
  }
}

/** At one position of a row: a copy, since the sequence's message outlives the next run. */
function readProjections(
  projections: ProjectionOutput | null,
  row: number,
  position: number,
  { monitored }: Sequence,
): Float32Array | null {
  return projections && monitored.length > 0 ? projections.read(row, position, monitored) : null;
}
