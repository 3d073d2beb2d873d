/**
 * Writes the weights of a plan, a piece of a tensor after the other, as many at once as there are threads to round them:
 * what is in memory is some tens of megabytes, or a tensor that has to be turned round. What is done is noted down after it
 * lies on the disk, so that a build that was broken off is gone on with.
 */
import { numberToFloat16 } from '../common/float16.js';
import { errors } from '../errors.js';
import { dataTypes } from '../onnx/graph/data-types.js';
import { blockSize, blocksOf } from './quantize.js';
import type { RoundedRows } from './round-rows.js';
import { RoundingThreads } from './rounding-threads.js';
import { WeightFiles } from './weight-files.js';
import type { RowRange, WeightPlan, WeightTask } from './weight-plan.js';

export interface WriteOptions {
  readonly out: string;
  readonly signal: AbortSignal;
  /** Bytes written so far, and in all. */
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
}

/** Weights that are read at once. */
const pieceValues = 1024 ** 2;
/** The largest number of half precision. */
const largestHalf = 65_504;
/** Work that is not lost when a build is broken off, in bytes written. */
const notedBytes = 32 * 1024 ** 2;

type Matrix = Extract<WeightTask, { kind: 'matrix' }>;
type Vector = Extract<WeightTask, { kind: 'vector' }>;

/** @throws SteerdError checkpoint_invalid; the signal's reason; the file system's error */
export async function writeWeights(plan: WeightPlan, options: WriteOptions): Promise<void> {
  const files = await WeightFiles.open(options.out, plan);
  const threads = new RoundingThreads();
  const writer = new Writer(plan, files, threads, options);
  try {
    await writer.write();
    await writer.note();
  } catch (error) {
    await writer.settled();
    // What was done is of use; that it could not be noted must not hide why.
    await writer.note().catch(() => {});
    throw error;
  } finally {
    await threads.close();
    await files.close();
  }
}

const bytesOf = ({ outputs }: WeightTask): number => outputs.reduce((sum, { bytes }) => sum + bytes, 0);

class Writer {
  readonly #total: number;
  /** Pieces of a task that are not written yet; a task that has none left is gone. */
  readonly #left = new Map<WeightTask, number>();
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | null = null;
  /** The first tasks of the plan that are written. */
  #finished: number;
  #done: number;
  #noted: number;

  constructor(
    readonly plan: WeightPlan,
    readonly files: WeightFiles,
    readonly threads: RoundingThreads,
    readonly options: WriteOptions,
  ) {
    const { tasks } = plan;
    this.#finished = files.finished;
    this.#total = tasks.reduce((sum, task) => sum + bytesOf(task), 0);
    this.#done = tasks.slice(0, files.finished).reduce((sum, task) => sum + bytesOf(task), 0);
    this.#noted = this.#done;
    for (const task of tasks.slice(files.finished)) this.#left.set(task, 1);
  }

  async write(): Promise<void> {
    this.#tell();
    for (const task of this.plan.tasks.slice(this.files.finished)) {
      this.#goOn();
      if (task.kind === 'matrix' && (task.form === 'q8' || task.form === 'q4')) await this.#round(task);
      else {
        await (task.kind === 'vector' ? this.#vector(task) : this.#floats(task));
        this.#wrote(task, bytesOf(task));
      }
      if (this.#done - this.#noted >= notedBytes) await this.note();
    }
    await this.settled();
    this.#goOn();
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  async note(): Promise<void> {
    const done = this.#done;
    await this.files.note(this.#finished);
    this.#noted = done;
  }

  /** @throws what a piece failed with; the signal's reason */
  #goOn(): void {
    if (this.#failure !== null) throw this.#failure.error;
    this.options.signal.throwIfAborted();
  }

  #tell(): void {
    this.options.onProgress({ done: Math.floor(this.#done), total: this.#total });
  }

  /** A piece of a task is on the disk. */
  #wrote(task: WeightTask, bytes: number): void {
    const { tasks } = this.plan;
    const left = (this.#left.get(task) ?? 1) - 1;
    if (left > 0) this.#left.set(task, left);
    else this.#left.delete(task);
    for (let next = tasks[this.#finished]; next && !this.#left.has(next); next = tasks[this.#finished])
      this.#finished += 1;
    this.#done += bytes;
    this.#tell();
  }

  /** Starts on the pieces of a matrix in blocks; they are written when their turn comes. */
  async #round(task: Matrix): Promise<void> {
    const all = [...pieces(task)];
    this.#left.set(task, all.length);
    for (const piece of all) {
      // One for each thread, and one on its way from and to the disk.
      while (this.#running.size > this.threads.most) await Promise.race(this.#running);
      this.#goOn();
      const writing = this.#piece(task, piece)
        .catch((error: unknown) => {
          this.#failure ??= { error };
        })
        .finally(() => this.#running.delete(writing));
      this.#running.add(writing);
    }
  }

  async #piece(task: Matrix, { row, count, source }: Piece): Promise<void> {
    const { columns, outputs, form, rows } = task;
    const blocks = blocksOf(columns);
    const bits = form === 'q8' ? 8 : 4;
    const made = await this.#rounded(source, columns, bits);
    const [values, scales, zeroPoints] = outputs;
    if (values) await this.files.write(values, (row * blocks * blockSize * bits) / 8, made.values);
    if (scales) await this.files.write(scales, row * blocks * 4, made.scales);
    if (zeroPoints) await this.files.write(zeroPoints, row * Math.ceil(blocks / 2), made.zeroPoints);
    this.#wrote(task, (bytesOf(task) * count) / rows);
  }

  async #rounded({ tensor, first, count }: RowRange, columns: number, bits: 8 | 4): Promise<RoundedRows> {
    const raw = await tensor.raw(first, count);
    const made = await this.threads.round({ type: tensor.type, raw, columns, bits });
    if (made !== null) return made;
    // Says which tensor it is.
    await tensor.rows(first, count);
    throw errors.checkpointInvalid('the checkpoint', `tensor ${tensor.name} has values that are no numbers`);
  }

  async #vector({ outputs, values }: Vector): Promise<void> {
    const [output] = outputs;
    if (output) await this.files.write(output, 0, asStored(await values(), output.dataType));
  }

  async #floats(task: Matrix): Promise<void> {
    const { rows, columns, form } = task;
    const [output] = task.outputs;
    if (!output) return;
    // Turned round, for MatMul: the whole matrix is in memory, in the form that it is stored in.
    const isHalf = output.dataType === dataTypes.float16;
    const turned =
      form === 'rows' ? null : isHalf ? new Uint16Array(rows * columns) : new Float32Array(rows * columns);
    for (const { row, count, source } of pieces(task)) {
      this.#goOn();
      const values = asStored(await source.tensor.rows(source.first, count), output.dataType);
      if (turned === null) {
        await this.files.write(output, row * columns * values.BYTES_PER_ELEMENT, values);
        continue;
      }
      for (let column = 0; column < columns; column++)
        for (let i = 0; i < count; i++)
          turned[column * rows + row + i] = values[i * columns + column] as number;
    }
    if (turned !== null) await this.files.write(output, 0, turned);
  }
}

/** @throws SteerdError model_unsupported for a number beyond half precision */
function asStored(values: Float32Array, dataType: number): Uint16Array | Float32Array {
  if (dataType !== dataTypes.float16) return values;
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (Math.abs(value) > largestHalf)
      throw errors.checkpointUnsupported('the checkpoint', `fp16 has no number as large as its ${value}`);
    halves[i] = numberToFloat16(value);
  }
  return halves;
}

interface Piece {
  /** Row of the matrix that it begins at. */
  readonly row: number;
  readonly count: number;
  readonly source: RowRange;
}

function* pieces({ sources, columns }: Matrix): Generator<Piece> {
  const atOnce = Math.max(1, Math.floor(pieceValues / columns));
  let row = 0;
  for (const { tensor, first, count } of sources)
    for (let from = 0; from < count; from += atOnce) {
      const taken = Math.min(atOnce, count - from);
      yield { row, count: taken, source: { tensor, first: first + from, count: taken } };
      row += taken;
    }
}
