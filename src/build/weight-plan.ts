/**
 * Where each weight of a built model will lie: known from shapes alone, so that the disk can be checked beforehand, a
 * broken build be gone on with, and the same checkpoint always give the same bytes.
 */
import { createHash } from 'node:crypto';
import type { CheckpointTensor } from '../checkpoint/checkpoint.js';
import { dataTypes } from '../onnx/graph/data-types.js';
import { blockSize, blocksOf } from './quantize.js';

/** Rows of a tensor of the checkpoint. */
export interface RowRange {
  readonly tensor: CheckpointTensor;
  readonly first: number;
  readonly count: number;
}

/** How a matrix [rows, columns] is stored. */
export type MatrixForm =
  /** float32 or float16, [rows, columns]. */
  | 'rows'
  /** float32 or float16, [columns, rows]: what MatMul reads. */
  | 'columns'
  /** Blocks of 8 or 4 bits with scales: what MatMulNBits reads. */
  | 'q8'
  | 'q4';

/** A tensor in a file of weights. */
export interface StoredWeight {
  readonly name: string;
  readonly dataType: number;
  readonly dims: readonly number[];
  readonly bytes: number;
  readonly file: string;
  readonly offset: number;
}

/** What is computed and written at once. */
export type WeightTask =
  | {
      readonly kind: 'matrix';
      readonly form: MatrixForm;
      readonly rows: number;
      readonly columns: number;
      readonly sources: readonly RowRange[];
      /** Values; of blocks also scales, and for 4 bits zero points. */
      readonly outputs: readonly StoredWeight[];
    }
  | {
      readonly kind: 'vector';
      readonly outputs: readonly StoredWeight[];
      readonly values: () => Promise<Float32Array>;
    };

/** Files stay below 2 GB, but for a tensor that is larger. */
const largestFile = 2_000_000_000;
/** Weights are mapped into memory by pages. */
const alignment = 4096;
const dataFile = 'model.onnx.data';

const elementBytes: ReadonlyMap<number, number> = new Map([
  [dataTypes.float32, 4],
  [dataTypes.float16, 2],
  [dataTypes.uint8, 1],
]);

export class WeightPlan {
  readonly tasks: WeightTask[] = [];
  #file = 0;
  #offset = 0;

  /** @param floatType float32 or float16: of weights that are not in blocks */
  constructor(readonly floatType: number) {}

  /** Bytes of all files of weights. */
  get bytes(): number {
    return this.stored.reduce((sum, { bytes }) => sum + Math.ceil(bytes / alignment) * alignment, 0);
  }

  get stored(): StoredWeight[] {
    return this.tasks.flatMap(({ outputs }) => outputs);
  }

  /** A name for this layout of these weights: two plans of one key write the same bytes. */
  get key(): string {
    const hash = createHash('sha256');
    for (const task of this.tasks) {
      const sources =
        task.kind === 'matrix'
          ? task.sources.map(({ tensor, first, count }) => [
              tensor.name,
              tensor.type,
              tensor.shape,
              first,
              count,
            ])
          : [];
      hash.update(JSON.stringify([task.outputs, sources]));
    }
    return hash.digest('hex');
  }

  vector(name: string, length: number, values: () => Promise<Float32Array>): string {
    return this.table(name, [length], values);
  }

  /** Numbers that no tensor of the checkpoint has as they are. */
  table(name: string, dims: readonly number[], values: () => Promise<Float32Array>): string {
    this.tasks.push({ kind: 'vector', outputs: [this.#place(name, this.floatType, dims)], values });
    return name;
  }

  /** @returns names of the values, the scales and the zero points, as far as the form has them */
  matrix(name: string, form: MatrixForm, sources: readonly RowRange[]): string[] {
    const rows = sources.reduce((sum, { count }) => sum + count, 0);
    const columns = sources[0]?.tensor.shape[1] ?? 0;
    const blocks = blocksOf(columns);
    const outputs = (() => {
      if (form === 'rows') return [this.#place(`${name}.weight`, this.floatType, [rows, columns])];
      if (form === 'columns') return [this.#place(`${name}.weight`, this.floatType, [columns, rows])];
      const bytes = form === 'q8' ? blockSize : blockSize / 2;
      const values = this.#place(`${name}.weight_${form}`, dataTypes.uint8, [rows, blocks, bytes]);
      const scales = this.#place(`${name}.weight_scale`, dataTypes.float32, [rows, blocks]);
      if (form === 'q8') return [values, scales];
      return [
        values,
        scales,
        this.#place(`${name}.weight_zero_point`, dataTypes.uint8, [rows, Math.ceil(blocks / 2)]),
      ];
    })();
    this.tasks.push({ kind: 'matrix', form, rows, columns, sources, outputs });
    return outputs.map((output) => output.name);
  }

  #place(name: string, dataType: number, dims: readonly number[]): StoredWeight {
    const bytes = dims.reduce((product, size) => product * size, elementBytes.get(dataType) ?? 0);
    if (this.#offset > 0 && this.#offset + bytes > largestFile) {
      this.#file += 1;
      this.#offset = 0;
    }
    const file = this.#file === 0 ? dataFile : `${dataFile}_${this.#file}`;
    const offset = this.#offset;
    this.#offset += Math.ceil(bytes / alignment) * alignment;
    return { name, dataType, dims, bytes, file, offset };
  }
}
