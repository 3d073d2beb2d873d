/**
 * Reads the ends of several given texts by one run, each behind a beginning of its own: a run of some twenty tokens keeps a
 * processor half idle. The graph is the serving graft with its attention split by rows (onnx/rewrite/split-attention.ts), so
 * each text gets the bits that it gets alone. Texts without an edit only, in host memory.
 */
import type { RunOptions } from '../../ort/binding.js';
import type { Session } from '../../ort/session.js';
import { ownArray, Tensor } from '../../ort/tensor.js';
import { HostKvCache } from '../kv/host-kv-cache.js';
import type { ModelSpec } from '../model-spec.js';
import type { TogetherLimits } from '../schedule/text-groups.js';
import { GraphRunner } from './graph-runner.js';
import { ServingRunner } from './serving-runner.js';
import { SteeringInputs } from './steering-tensors.js';

/** Texts of one run. */
export const textsTogether = 8;
/** Tokens of the longest text: eight rows of longer ones would take much memory, and one of them keeps a processor busy. */
const longestText = 512;
/** Logits of one run at the most, which is 96 MiB of them. */
const mostLogits = 24 * 2 ** 20;
/** The end of a text; as long as kernels take it in one block of rows (schedule/chunks.ts). */
const longestEnd = 64;

/** What `TextRows` of a model take: known before they are made. @param capacity of the model's own rows */
export const togetherLimits = ({ vocabularySize }: ModelSpec, capacity: number): TogetherLimits => ({
  rows: textsTogether,
  capacity: Math.min(capacity, longestText),
  longest: Math.min(longestEnd, Math.floor(mostLogits / (textsTogether * vocabularySize))),
});

interface TextEnd {
  /** At least two. */
  readonly tokens: readonly number[];
  /** Tokens before them, which are in the text's row. */
  readonly past: number;
}

export class TextRows {
  /** Reads beginnings, in the scratch row of the same cache. */
  readonly beginnings: ServingRunner;
  readonly #cache: HostKvCache;
  readonly #runner: GraphRunner;
  readonly #steering: SteeringInputs;
  /** By row: the text whose beginning it has. */
  readonly #held = new Array<readonly number[] | null>(textsTogether).fill(null);
  #logits = ownArray(Float32Array, 1);

  /**
   * @param session of the serving graft with its attention split into `textsTogether` rows; it is released with this
   * @param serving of the serving graft; it is released after this
   */
  constructor(
    readonly session: Session,
    serving: Session,
    readonly spec: ModelSpec,
    capacity: number,
    runOptions: RunOptions,
  ) {
    const { layers, hiddenSize } = spec;
    this.#cache = new HostKvCache(spec, textsTogether, togetherLimits(spec, capacity).capacity);
    this.beginnings = new ServingRunner(serving, this.#cache, runOptions);
    this.#runner = new GraphRunner(session, spec, this.#cache.inParts('rows', textsTogether), runOptions);
    this.#steering = new SteeringInputs(layers.length, hiddenSize);
  }

  /**
   * Gives a row the beginning that was read last.
   * @param text the same list for the same text: what a row has already is not copied again
   * @param past tokens of the beginning
   */
  place(row: number, text: readonly number[], past: number): void {
    if (this.#held[row] === text) return;
    this.#cache.moveRow(this.#cache.scratch, row, past);
    this.#held[row] = text;
  }

  /**
   * One run.
   * @param ends of the texts in the first rows
   * @returns logits [rows, length, V], valid until the next run, of which those of each text's own tokens mean something
   * @throws OrtError
   */
  run(ends: readonly TextEnd[]): { readonly logits: Float32Array; readonly length: number } {
    const rows = textsTogether;
    const size = this.spec.vocabularySize;
    const length = Math.max(...ends.map(({ tokens }) => tokens.length));
    // What is behind a text's end, and rows without one, is computed and thrown away.
    const all = Array.from({ length: rows }, (_, row) => ends[row] ?? { tokens: [], past: 0 });
    for (let row = ends.length; row < rows; row++) this.#held[row] = null;
    const ids = all.map(({ tokens }) => [...tokens, ...new Array<number>(length - tokens.length).fill(0)]);
    const steering = this.#steering.fill(
      all.map(({ past }) => ({ edit: [], position: past })),
      length,
    );
    const needed = rows * length * size;
    if (this.#logits.length < needed) this.#logits = ownArray(Float32Array, needed);
    const positions = ownArray(BigInt64Array, rows * length);
    for (let i = 0; i < positions.length; i++) positions[i] = BigInt(i % length);
    const picked = Tensor.over(positions, 'int64', [rows, length]);
    const logits = Tensor.over(this.#logits, 'float32', [rows, length, size]);
    const inputs = {
      steering_vectors: steering.vectors,
      steering_add: steering.add,
      steering_scale: steering.scale,
      logit_positions: picked,
    };
    try {
      this.#runner.run(
        { first: 0, rows },
        ids,
        all.map(({ past }) => past),
        { inputs, outputs: { logits } },
      );
    } finally {
      picked.release();
      logits.release();
    }
    return { logits: this.#logits.subarray(0, needed), length };
  }

  release(): void {
    this.#runner.release();
    this.beginnings.release();
    this.#steering.release();
    this.#cache.release();
    this.session.release();
  }
}
