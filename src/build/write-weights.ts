/**
 * Writes the weights of a plan, a piece of a tensor after the other: what is in memory at once is a few megabytes, or a
 * tensor that has to be turned round. What is done is noted down after it lies on the disk, so that a build that was broken
 * off is gone on with.
 */
import { type FileHandle, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { numberToFloat16 } from '../common/float16.js';
import { errors } from '../errors.js';
import { dataTypes } from '../onnx/graph/data-types.js';
import {
  blockSize,
  fromQ4,
  fromQ4ToEightBits,
  fromQ8,
  type QuantizedRows,
  toEightBits,
  toFourBits,
} from './quantize.js';
import {
  blocksOf,
  type RowRange,
  type StoredWeight,
  type WeightPlan,
  type WeightTask,
} from './weight-plan.js';

export interface WriteOptions {
  readonly out: string;
  readonly signal: AbortSignal;
  /** Bytes written so far, and in all. */
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
}

/** What was done when a build was broken off. Its name keeps it out of the model. */
const stateFile = '.build-state';
/** Weights that are read at once. */
const pieceValues = 4 * 1024 ** 2;
/** The largest number of half precision. */
const largestHalf = 65_504;
/** Work that is not lost when a build is broken off, in bytes written. */
const notedBytes = 64 * 1024 ** 2;

type Matrix = Extract<WeightTask, { kind: 'matrix' }>;

/** @throws SteerdError checkpoint_invalid; the signal's reason; the file system's error */
export async function writeWeights(
  plan: WeightPlan,
  { out, signal, onProgress }: WriteOptions,
): Promise<void> {
  const { key, tasks } = plan;
  const total = plan.stored.reduce((sum, { bytes }) => sum + bytes, 0);
  const finished = await finishedTasks(out, key);
  const files = new Files(out, finished > 0);
  const bytesOf = ({ outputs }: WeightTask) => outputs.reduce((sum, { bytes }) => sum + bytes, 0);
  let count = finished;
  let done = tasks.slice(0, finished).reduce((sum, task) => sum + bytesOf(task), 0);
  let noted = done;
  const note = async () => {
    await files.sync();
    await writeFile(join(out, `${stateFile}.new`), JSON.stringify({ key, finished: count }));
    await rename(join(out, `${stateFile}.new`), join(out, stateFile));
    noted = done;
  };
  try {
    for (const task of tasks.slice(finished)) {
      const bytes = bytesOf(task);
      const step = (share: number) => {
        signal.throwIfAborted();
        onProgress({ done: done + Math.floor(bytes * share), total });
      };
      step(0);
      await (task.kind === 'matrix' ? writeMatrix(task, files, step) : writeVector(task, files));
      done += bytes;
      count += 1;
      if (done - noted >= notedBytes) await note();
    }
    await note();
    onProgress({ done, total });
  } catch (error) {
    // What was done is of use; that it could not be noted must not hide why.
    await note().catch(() => {});
    throw error;
  } finally {
    await files.close();
  }
}

/** How many tasks of the same plan an earlier build has finished. */
async function finishedTasks(out: string, key: string): Promise<number> {
  const text = await readFile(join(out, stateFile), 'utf8').catch(() => '{}');
  try {
    const state = JSON.parse(text) as { key?: unknown; finished?: unknown };
    return state.key === key && typeof state.finished === 'number' ? state.finished : 0;
  } catch {
    return 0;
  }
}

/** The files of weights, open as long as they are written to. */
class Files {
  readonly #open = new Map<string, FileHandle>();

  constructor(
    readonly folder: string,
    readonly goesOn: boolean,
  ) {}

  async write({ file, offset }: StoredWeight, at: number, data: ArrayBufferView): Promise<void> {
    const handle = this.#open.get(file) ?? (await this.#openFile(file));
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await handle.write(
        bytes,
        written,
        bytes.length - written,
        offset + at + written,
      );
      written += bytesWritten;
    }
  }

  async #openFile(file: string): Promise<FileHandle> {
    const path = join(this.folder, file);
    const handle = this.goesOn
      ? await open(path, 'r+').catch(() => open(path, 'w+'))
      : await open(path, 'w+');
    this.#open.set(file, handle);
    return handle;
  }

  async sync(): Promise<void> {
    for (const handle of this.#open.values()) await handle.datasync();
  }

  async close(): Promise<void> {
    for (const handle of this.#open.values()) await handle.close();
  }
}

async function writeVector({ outputs, values }: Extract<WeightTask, { kind: 'vector' }>, files: Files) {
  const [output] = outputs;
  if (output) await files.write(output, 0, asStored(await values(), output.dataType));
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

async function writeMatrix(task: Matrix, files: Files, step: (share: number) => void): Promise<void> {
  if (task.form === 'columns') return writeColumns(task, files, step);
  const { columns, outputs, form, rows } = task;
  const blocks = blocksOf(columns);
  const bits = form === 'q8' ? 8 : 4;
  for await (const { row, count, source } of pieces(task)) {
    if (form === 'rows') {
      const [output] = outputs;
      if (output) {
        const values = asStored(await source.tensor.rows(source.first, count), output.dataType);
        await files.write(output, row * columns * (values.byteLength / (count * columns)), values);
      }
    } else {
      const made = await quantized(source, bits, columns);
      const [values, scales, zeroPoints] = outputs;
      if (values) await files.write(values, (row * blocks * blockSize * bits) / 8, made.values);
      if (scales) await files.write(scales, row * blocks * 4, made.scales);
      if (zeroPoints)
        await files.write(zeroPoints, row * Math.ceil(blocks / 2), packedZeros(made, count, blocks));
    }
    step((row + count) / rows);
  }
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

/** Rows in blocks: those that a GGUF file has in such blocks as they are, others rounded. */
async function quantized(
  { tensor, first, count }: RowRange,
  bits: number,
  columns: number,
): Promise<QuantizedRows> {
  const blocks = count * blocksOf(columns);
  if (tensor.type === 'Q8_0' && bits === 8) return fromQ8(await tensor.raw(first, count), blocks);
  if (tensor.type === 'Q4_0') {
    const raw = await tensor.raw(first, count);
    return bits === 4 ? fromQ4(raw, blocks) : fromQ4ToEightBits(raw, blocks);
  }
  const values = padded(await tensor.rows(first, count), count, columns);
  return bits === 8 ? toEightBits(values, blocks) : toFourBits(values, blocks);
}

/** Rows of whole blocks, zeros behind the weights. */
function padded(values: Float32Array, rows: number, columns: number): Float32Array {
  const width = blocksOf(columns) * blockSize;
  if (width === columns) return values;
  const wide = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++)
    wide.set(values.subarray(row * columns, (row + 1) * columns), row * width);
  return wide;
}

/** Two zero points a byte, each row beginning with a byte of its own. */
function packedZeros({ zeroPoints }: QuantizedRows, rows: number, blocks: number): Uint8Array {
  const width = Math.ceil(blocks / 2);
  const packed = new Uint8Array(rows * width);
  for (let row = 0; row < rows; row++)
    for (let block = 0; block < blocks; block++) {
      const code = zeroPoints[row * blocks + block] as number;
      const at = row * width + (block >> 1);
      packed[at] = (packed[at] as number) | (block % 2 === 0 ? code : code << 4);
    }
  return packed;
}

/** Turned round, for MatMul: the whole matrix is in memory, in the form that it is stored in. */
async function writeColumns(task: Matrix, files: Files, step: (share: number) => void): Promise<void> {
  const { rows, columns } = task;
  const [output] = task.outputs;
  if (!output) return;
  const isHalf = output.dataType === dataTypes.float16;
  const turned = isHalf ? new Uint16Array(rows * columns) : new Float32Array(rows * columns);
  for (const { row, count, source } of pieces(task)) {
    const values = asStored(await source.tensor.rows(source.first, count), output.dataType);
    for (let column = 0; column < columns; column++)
      for (let i = 0; i < count; i++)
        turned[column * rows + row + i] = values[i * columns + column] as number;
    step((row + count) / rows);
  }
  await files.write(output, 0, turned);
}
