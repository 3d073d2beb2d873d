/**
 * Runs the capture graft: block outputs and attention to a span, at chosen positions of one text, or of several short ones
 * at once.
 *
 * Captures have KV caches of their own, apart from those of sequences and scores, so that a prefix stays cached for the
 * next text that shares it. Their capacity is a power of two, the least that holds the text: the time of the graft's
 * attention grows with the capacity, and the same text always gets the same capacity.
 *
 * A text gets the same bits alone and among others: rows do not depend on each other, and the graph for several has its
 * attention split by rows, each computed as alone (onnx/rewrite/split-attention.ts).
 */
import type { RunOptions } from '../../ort/binding.js';
import type { Session } from '../../ort/session.js';
import { ownArray, Tensor } from '../../ort/tensor.js';
import { HostKvCache } from '../kv/host-kv-cache.js';
import { CachedPrefix, type KvCache } from '../kv/kv-cache.js';
import { openScratchCache } from '../kv/open-kv-cache.js';
import type { ModelSpec } from '../model-spec.js';
import { GraphRunner } from './graph-runner.js';

/** What was read of one chunk, at the P positions that lie in it. */
interface CapturedChunk {
  /** [L, P, H] */
  readonly hiddenStates: Float32Array<ArrayBuffer>;
  /** [L, heads, P] */
  readonly attentionToPrefix: Float32Array<ArrayBuffer>;
}

/** A text, or the end of one, as a run needs it. */
export interface CapturedText {
  readonly tokens: readonly number[];
  /** To be read, counted within `tokens`. */
  readonly positions: readonly number[];
  /** Key positions [start, end) in the whole text. */
  readonly span: readonly [number, number];
}

/** Caches kept at once: the lengths of a fit's texts mostly lie on both sides of one power of two. */
const mostCaches = 2;
const leastCapacity = 128;
/** Texts of one run. Eight take half the time that they take one by one, four take 0.6 of it (docs/bench-log.md). */
export const rowsTogether = 8;
/** Longer texts keep a processor busy alone, and eight rows of them would take much memory. */
const longestTogether = 512;

export class CaptureRunner {
  /** By capacity, the one used last at the end. */
  readonly #rows = new Map<number, CaptureRow>();
  #together: Session | null = null;

  constructor(
    readonly session: Session,
    readonly spec: ModelSpec,
    /** Tokens of the longest text. */
    readonly capacity: number,
    readonly runOptions: RunOptions,
    /** Whether a text's numbers do not depend on others in its run, so that `readTogether` may be called. */
    readonly together = false,
  ) {}

  /**
   * From now on short texts can be read several at once.
   * @param session of the capture graft with its attention split into `rowsTogether` rows; it is released after this runner
   */
  readTogether(session: Session): void {
    this.#together = session;
  }

  /** Whether there is such a session. */
  get readsTogether(): boolean {
    return this.#together !== null;
  }

  /** Texts up to that length that one run takes; 1 for longer ones. */
  mostTogether(length: number): number {
    return this.#together !== null && this.capacityFor(length) <= longestTogether ? rowsTogether : 1;
  }

  /** Tokens of the cache row for a text of `length` tokens, at most `capacity`. */
  capacityFor(length: number): number {
    let capacity = Math.max(leastCapacity, this.spec.slidingWindow);
    while (capacity < length) capacity *= 2;
    return Math.min(capacity, this.capacity);
  }

  /** A row for a text of `length` tokens, at most `capacity`. */
  rowFor(length: number): CaptureRow {
    const capacity = this.capacityFor(length);
    const row = this.#rows.get(capacity) ?? this.#open(capacity);
    this.#rows.delete(capacity);
    this.#rows.set(capacity, row);
    for (const [other, { release }] of [...this.#rows].slice(0, -mostCaches)) {
      this.#rows.delete(other);
      release();
    }
    return row;
  }

  #open(capacity: number): CaptureRow {
    const { session, spec, runOptions } = this;
    // Rows take memory once they are used.
    const cache =
      this.together && capacity <= longestTogether
        ? new HostKvCache(spec, rowsTogether - 1, capacity)
        : openScratchCache(spec, session, capacity);
    return new CaptureRow(session, () => this.#together, cache, runOptions);
  }

  /**
   * Nothing is captured, and what rows hold will not be asked for again: gives their memory back, and that of runs.
   * @returns whether there was a session for several texts, which this runner does not use any more
   */
  forgetReads(): boolean {
    const { session, spec, runOptions } = this;
    const some = this.#rows.size > 0;
    this.release();
    const several = this.#together !== null;
    this.#together = null;
    if (!some || session.device) return several;
    // The session's arena grows with its largest run, and shrinks at the end of a run only.
    const row = new CaptureRow(
      session,
      () => null,
      openScratchCache(spec, session, this.capacityFor(2)),
      runOptions,
    );
    runOptions.shrinkArena(true);
    try {
      row.chunk({ tokens: [0, 0], positions: [1], span: [0, 0] }, 0);
    } finally {
      runOptions.shrinkArena(false);
      row.release();
    }
    return several;
  }

  /** Before the sessions are released. */
  release(): void {
    for (const { release } of this.#rows.values()) release();
    this.#rows.clear();
  }
}

/** A cache row that one text after another is captured in, with further rows for texts beside it. */
class CaptureRow {
  readonly #runner: GraphRunner;
  /** Of several texts. */
  #several: GraphRunner | null = null;
  readonly prefix = new CachedPrefix();
  /** The prefix that the other rows hold, too. */
  #spread: readonly number[] = [];

  constructor(
    session: Session,
    readonly together: () => Session | null,
    readonly cache: KvCache,
    readonly runOptions: RunOptions,
  ) {
    this.#runner = new GraphRunner(session, cache.spec, cache, runOptions);
  }

  /** The row of a text alone: the first one, where there are others. */
  get #first(): number {
    return this.cache instanceof HostKvCache ? 0 : this.cache.scratch;
  }

  /**
   * Runs a chunk of the text, after the `past` tokens already there.
   * @throws OrtError
   */
  chunk(text: CapturedText, past: number): CapturedChunk {
    const [captured] = this.#run(this.#runner, 1, [text], past);
    return captured as CapturedChunk;
  }

  /**
   * Runs the ends of 2 to `rowsTogether` texts, all of which begin with the row's prefix, or where it has none from their
   * start. None has one token, and all have the same number of positions, or an empty span.
   * @returns one for each text: the bits that it gets alone
   * @throws OrtError
   */
  chunks(texts: readonly CapturedText[]): CapturedChunk[] {
    const session = this.together();
    const { cache, prefix } = this;
    if (session === null || !(cache instanceof HostKvCache))
      throw new Error('there are no rows for several texts');
    this.#several ??= new GraphRunner(
      session,
      cache.spec,
      cache.inParts('rows', rowsTogether),
      this.runOptions,
    );
    const past = prefix.tokens.length;
    if (this.#spread !== prefix.tokens)
      for (let row = 1; row < rowsTogether; row++) cache.moveRow(this.#first, row, past);
    this.#spread = prefix.tokens;
    return this.#run(this.#several, rowsTogether, texts, past);
  }

  #run(runner: GraphRunner, rows: number, texts: readonly CapturedText[], past: number): CapturedChunk[] {
    const { layers, hiddenSize, heads } = this.cache.spec;
    const length = Math.max(...texts.map(({ tokens }) => tokens.length));
    const count = Math.max(...texts.map(({ positions }) => positions.length));
    // What is behind a text's end, and rows without one, is computed and thrown away.
    const padded = Array.from({ length: rows }, (_, row): CapturedText => {
      const { tokens = [], positions = [], span = [0, 0] } = texts[row] ?? {};
      return { tokens: filled(tokens, length), positions: filled(positions, count), span };
    });
    const hiddenStates = ownArray(Float32Array, layers.length * rows * count * hiddenSize);
    const attentionToPrefix = ownArray(Float32Array, layers.length * rows * heads * count);
    const inputs = {
      capture_positions: int64(
        padded.flatMap(({ positions }) => positions),
        [rows, count],
      ),
      span_start: int64(
        padded.map(({ span }) => span[0]),
        [rows],
      ),
      span_end: int64(
        padded.map(({ span }) => span[1]),
        [rows],
      ),
    };
    const outputs = {
      hidden_states: Tensor.over(hiddenStates, 'float32', [layers.length, rows, count, hiddenSize]),
      attention_to_prefix: Tensor.over(attentionToPrefix, 'float32', [layers.length, rows, heads, count]),
    };
    try {
      const ids = padded.map(({ tokens }) => tokens);
      const pasts = new Array<number>(rows).fill(past);
      runner.run({ first: this.#first, rows }, ids, pasts, { inputs, outputs });
    } finally {
      for (const tensor of [...Object.values(inputs), ...Object.values(outputs)]) tensor.release();
    }
    return texts.map(({ positions }, row) => ({
      hiddenStates: ofRow(hiddenStates, [layers.length, rows, 1, count, hiddenSize], row, positions.length),
      attentionToPrefix: ofRow(
        attentionToPrefix,
        [layers.length, rows, heads, count, 1],
        row,
        positions.length,
      ),
    }));
  }

  readonly release = (): void => {
    this.#runner.release();
    this.#several?.release();
    this.cache.release();
  };
}

const filled = (values: readonly number[], length: number): number[] => [
  ...values,
  ...new Array<number>(length - values.length).fill(0),
];

function int64(values: readonly number[], shape: readonly number[]): Tensor {
  const array = ownArray(BigInt64Array, values.length);
  array.set(values.map(BigInt));
  return Tensor.over(array, 'int64', shape);
}

/** The first `kept` positions of one row: [L, N, kept, W] of [L, rows, N, count, W]. */
function ofRow(
  values: Float32Array<ArrayBuffer>,
  [layers, rows, n, count, width]: readonly [number, number, number, number, number],
  row: number,
  kept: number,
): Float32Array<ArrayBuffer> {
  if (rows === 1 && kept === count) return values;
  const result = new Float32Array(layers * n * kept * width);
  for (let layer = 0; layer < layers; layer++)
    for (let i = 0; i < n; i++) {
      const from = ((layer * rows + row) * n + i) * count * width;
      result.set(values.subarray(from, from + kept * width), (layer * n + i) * kept * width);
    }
  return result;
}
