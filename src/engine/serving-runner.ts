/** Runs the serving graft: prompt chunks, decode steps and scoring, each row with its own activation edit. */
import type { RunOptions } from '../ort/binding.js';
import type { Session } from '../ort/session.js';
import { ownArray, Tensor } from '../ort/tensor.js';
import { GraphRunner } from './graph-runner.js';
import { KeptBeginning } from './kept-beginning.js';
import type { KvCache, RowRange } from './kv-cache.js';
import { ProjectionOutput } from './projection-output.js';
import type { ActivationEdit } from './protocol.js';
import type { Sequence } from './sequence.js';
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
  /** By slot, of a decode step whose rows were runs of their own. */
  #rowProjections: readonly (Float32Array | null)[] = [];

  constructor(
    session: Session,
    readonly cache: KvCache,
    runOptions: RunOptions,
  ) {
    this.#runner = new GraphRunner(session, cache, runOptions);
    const { layers, hiddenSize } = cache.spec;
    // WebGPU's kernels read out of bounds for K = 0.
    const fewest = session.device ? 1 : 0;
    this.#decodeSteering = new SteeringInputs(layers.length, hiddenSize, fewest);
    this.#chunkSteering = new SteeringInputs(layers.length, hiddenSize, fewest);
  }

  /**
   * One token for each sequence; slot = index. Returns logits [V] by slot, valid until the next run; null for a row that
   * was not computed, since it waits for its constraint's mask and its run could not be repeated.
   */
  decode(sequences: readonly Sequence[]): (slot: number) => Float32Array | null {
    if (this.cache.spec.kvLayout === 'concatenated') return this.#decodeOneByOne(sequences);
    const pasts = sequences.map((sequence) => sequence.computed);
    const rows = sequences.map(({ steering, computed }) => ({ edit: steering.edit, position: computed }));
    this.#run(
      { first: 0, rows: sequences.length },
      sequences.map((sequence) => [sequence.lastToken]),
      pasts,
      this.#decodeSteering.fill(rows, 1),
      0,
      1,
      sequences.some(({ steering }) => steering.terms.length > 0),
    );
    const size = this.cache.spec.vocabularySize;
    return (slot) => this.#logits.subarray(slot * size, (slot + 1) * size);
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
    return this.#rowProjections[row] ?? this.#projections.read(row, position, terms);
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
    const outputs: Record<string, Tensor> = { logits: this.#logitsFor(range.rows, logits) };
    if (projected) outputs.steering_projection = this.#projections.reshape(steering.add.shape);
    this.#runner.run(range, ids, pasts, {
      inputs: {
        steering_vectors: steering.vectors,
        steering_add: steering.add,
        steering_scale: steering.scale,
        logit_positions: this.#logitPositions(range.rows, firstLogit, logits),
      },
      outputs,
    });
  }

  #logitPositions(rows: number, first: number, count: number): Tensor {
    const key = `${rows} ${first} ${count}`;
    const known = this.#positions.get(key);
    if (known) return known;
    const array = ownArray(BigInt64Array, rows * count);
    for (let i = 0; i < array.length; i++) array[i] = BigInt(first + (i % count));
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
    this.#runner.release();
    this.#projections.release();
  }
}
