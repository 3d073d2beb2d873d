/**
 * Matrix products at the speed of the machine: ONNX Runtime's own double-precision Gemm, run as one-node
 * graphs on one thread over memory that JavaScript owns (30 to 60 Gflop/s a core with AVX2 or AVX-512, against
 * about 2 for loops in JavaScript). Everything here that costs n^3 goes through this file.
 */
import { create } from '@bufbuild/protobuf';
import { dataTypes } from '../../onnx/graph/data-types.js';
import { Graph } from '../../onnx/graph/graph.js';
import { serializeModel } from '../../onnx/graph/model-file.js';
import { ModelProtoSchema } from '../../onnx/schema/onnx_pb.js';
import { Binding, RunOptions } from '../../ort/binding.js';
import { Session } from '../../ort/session.js';
import { Tensor } from '../../ort/tensor.js';
import { type Matrix, zeros } from './matrix.js';

/** Which operand is read transposed. */
export type Transpose = 'neither' | 'first' | 'second';

/** Gemm's form since opset 13, and the oldest file format that knows it. */
const opset = 13n;
const irVersion = 7n;

export class Products {
  readonly #options = new RunOptions();

  private constructor(
    readonly sessions: Readonly<Record<Transpose, Session>>,
    /** Throws when the work is to end. Called before every product; call it between other long steps. */
    readonly checkpoint: () => void,
  ) {}

  static async open(checkpoint: () => void = () => {}): Promise<Products> {
    const [neither, first, second] = await Promise.all([
      gemm(false, false),
      gemm(true, false),
      gemm(false, true),
    ]);
    return new Products({ neither, first, second }, checkpoint);
  }

  /**
   * a x b, or with one of them transposed; written to `into` when given.
   * @throws RangeError when the sizes do not match, and what `checkpoint` throws.
   */
  multiply(a: Matrix, b: Matrix, transpose: Transpose = 'neither', into?: Matrix): Matrix {
    this.checkpoint();
    const [rows, inner] = transpose === 'first' ? [a.columns, a.rows] : [a.rows, a.columns];
    const [innerToo, columns] = transpose === 'second' ? [b.columns, b.rows] : [b.rows, b.columns];
    const result = into ?? zeros(rows, columns);
    if (inner !== innerToo || result.rows !== rows || result.columns !== columns) {
      throw new RangeError(
        `cannot multiply [${a.rows}, ${a.columns}] by [${b.rows}, ${b.columns}] (transposed: ${transpose}) into [${result.rows}, ${result.columns}]`,
      );
    }
    // An empty inner dimension is a sum of nothing; Gemm would not write it.
    if (inner === 0 || rows === 0 || columns === 0) {
      result.data.fill(0);
      return result;
    }
    const tensors = [a, b, result].map((matrix) =>
      Tensor.over(matrix.data, 'float64', [matrix.rows, matrix.columns]),
    );
    const binding = new Binding(this.sessions[transpose]);
    try {
      const [first, second, output] = tensors as [Tensor, Tensor, Tensor];
      binding.input('a', first);
      binding.input('b', second);
      binding.output('product', output);
      binding.run(this.#options);
    } finally {
      binding.release();
      for (const tensor of tensors) tensor.release();
    }
    return result;
  }

  release(): void {
    for (const session of Object.values(this.sessions)) session.release();
    this.#options.release();
  }
}

async function gemm(transposeFirst: boolean, transposeSecond: boolean): Promise<Session> {
  const model = create(ModelProtoSchema, {
    irVersion,
    opsetImport: [{ domain: '', version: opset }],
    graph: { name: 'product' },
  });
  const graph = new Graph(model);
  graph.addInput('a', dataTypes.float64, ['a_rows', 'a_columns']);
  graph.addInput('b', dataTypes.float64, ['b_rows', 'b_columns']);
  graph.addOutput('product', dataTypes.float64, ['rows', 'columns']);
  graph.add('Gemm', ['a', 'b'], 'product', {
    transA: Number(transposeFirst),
    transB: Number(transposeSecond),
  });
  // One thread: it is the caller's own, and the fits of several layers run side by side.
  return Session.create(serializeModel(model), { threads: 1, weightsDirectory: '.', spinning: false });
}
