/** What the processor's kernels for weights of few bits promise: a row's numbers do not depend on the rows beside it. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { Random } from '../../../src/common/random.js';
import { widestExactBlock } from '../../../src/onnx/find/activation-rounding.js';
import { dataTypes } from '../../../src/onnx/graph/data-types.js';
import { Graph } from '../../../src/onnx/graph/graph.js';
import { importMicrosoft, newModel, serializeModel } from '../../../src/onnx/graph/model-file.js';
import { TensorProtoSchema } from '../../../src/onnx/schema/onnx_pb.js';
import { Session } from '../../../src/ort/session.js';
import { floats, runGraph } from '../../helpers/run-graph.js';

const generator = new Random(5);
const random = () => generator.bits() / 2 ** 32;
const [k, n, most] = [256, 192, 17];

/** A graph of one product at the int8 level. */
function product(bits: number, block: number): Uint8Array {
  const model = newModel('product');
  importMicrosoft(model);
  const graph = new Graph(model);
  graph.addInput('x', dataTypes.float32, ['rows', `${k}`]);
  graph.addOutput('y', dataTypes.float32, ['rows', `${n}`]);
  graph.addInitializer(
    create(TensorProtoSchema, {
      name: 'levels',
      dataType: dataTypes.uint8,
      dims: [n, k / block, (block * bits) / 8].map(BigInt),
      rawData: Uint8Array.from({ length: (n * k * bits) / 8 }, () => Math.floor(256 * random())),
    }),
  );
  const scales = graph.floats(
    'scales',
    Float32Array.from({ length: (n * k) / block }, () => 0.001 * (0.5 + random())),
  );
  const attributes = { K: k, N: n, bits, block_size: block, accuracy_level: 4 };
  graph.add('MatMulNBits', ['x', 'levels', scales], 'y', attributes, 'com.microsoft');
  graph.finish();
  return serializeModel(model);
}

describe('int8 products of weights in blocks', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'steerd-'));
  });
  after(() => rm(folder, { recursive: true }));

  for (const bits of [4, 8])
    test(`${bits} bits, in the widest blocks that keep rows apart and in narrower ones: a row of 2 to ${most} is the row alone`, async () => {
      for (let block = 16; block <= widestExactBlock(bits); block *= 2) {
        const bytes = product(bits, block);
        await writeFile(join(folder, 'model.onnx'), bytes);
        const session = await Session.create(bytes, {
          threads: 1,
          weightsDirectory: folder,
          spinning: false,
        });
        try {
          const x = Float32Array.from({ length: most * k }, () => 2 * random() - 1);
          const run = (from: number, rows: number) =>
            runGraph(
              session,
              { x: floats([rows, k], x.slice(from * k, (from + rows) * k)) },
              { y: [rows, n] },
            ).y ?? new Float32Array(0);
          const alone = Array.from({ length: most }, (_, row) => run(row, 1));
          for (const rows of [2, 3, 4, 5, 8, 16, most])
            for (let row = 0, made = run(0, rows); row < rows; row++)
              assert.deepEqual(
                made.subarray(row * n, (row + 1) * n),
                alone[row],
                `${block}: ${row} of ${rows}`,
              );
        } finally {
          session.release();
        }
      }
    });
});
