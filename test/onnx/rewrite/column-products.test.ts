/** Products by column, through ONNX Runtime: close to the products that they replace, and each row as if it were alone. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { addsPairsIn16Bits } from '../../../src/common/cpu-features.js';
import { Random } from '../../../src/common/random.js';
import { type BlockWeights, splitChannels, weightsByColumn } from '../../../src/engine/load/requantize.js';
import { columnProducts } from '../../../src/onnx/find/column-products.js';
import { dataTypes } from '../../../src/onnx/graph/data-types.js';
import { Graph } from '../../../src/onnx/graph/graph.js';
import { importMicrosoft, newModel, serializeModel } from '../../../src/onnx/graph/model-file.js';
import { type ColumnLevels, fullLevels, pairLevels } from '../../../src/onnx/rewrite/column-levels.js';
import { type ColumnForm, multiplyByColumn } from '../../../src/onnx/rewrite/column-products.js';
import { TensorProtoSchema } from '../../../src/onnx/schema/onnx_pb.js';
import { Session } from '../../../src/ort/session.js';
import { SharedWeights } from '../../../src/ort/shared-weights.js';
import { floats, ints, runGraph } from '../../helpers/run-graph.js';

const [hidden, wide, block] = [128, 192, 32];
const generator = new Random(11);
const random = () => generator.bits() / 2 ** 32;
/** Two channels are twenty times as large as the others. */
const peak = (channel: number) => (channel % 60 === 7 ? 20 : 1);

function blockWeights(k: number, n: number): BlockWeights {
  return {
    k,
    n,
    block,
    levels: Uint8Array.from({ length: n * k }, () => Math.floor(256 * random())),
    scales: Float32Array.from({ length: (n * k) / block }, () => 0.001 * (0.5 + random())),
    zeroPoints: null,
  };
}

/**
 * A gated MLP behind a norm, and a head behind another one: two products that share their rows, one whose input is the
 * product of theirs, and one that sees the residual stream.
 */
function gatedBlock() {
  const model = newModel('block');
  importMicrosoft(model);
  const graph = new Graph(model);
  graph.addInput('x', dataTypes.float32, ['rows', 'tokens', `${hidden}`]);
  graph.addInput('picked', dataTypes.int64, ['rows', 'picks', '1']);
  graph.addOutput('y', dataTypes.float32, ['rows', 'picks', `${hidden}`]);
  const gains = Float32Array.from({ length: hidden }, (_, channel) => peak(channel) * (0.5 + random()));
  const norm = (input: string, output: string) =>
    graph.add('SimplifiedLayerNormalization', [input, 'gains'], output, {
      axis: -1,
      epsilon: { float: 1e-5 },
    });
  graph.floats('gains', gains);
  norm('x', 'normed');
  const weights = new Map<string, BlockWeights>();
  const product = (input: string, output: string, k: number, n: number) => {
    const made = blockWeights(k, n);
    weights.set(output, made);
    graph.addInitializer(
      create(TensorProtoSchema, {
        name: `${output}/levels`,
        dataType: dataTypes.uint8,
        dims: [n, k / block, block].map(BigInt),
        rawData: made.levels,
      }),
    );
    const attributes = { K: k, N: n, bits: 8, block_size: block, accuracy_level: 4 };
    const inputs = [input, `${output}/levels`, graph.floats(`${output}/scales`, made.scales)];
    return graph.add('MatMulNBits', inputs, output, attributes, 'com.microsoft');
  };
  const gate = product('normed', 'gate', hidden, wide);
  const up = product('normed', 'up', hidden, wide);
  const active = graph.add('Mul', [gate, graph.add('Sigmoid', [gate], 'sigmoid')], 'active');
  const down = product(graph.add('Mul', [active, up], 'inner'), 'down', wide, hidden);
  product(
    norm(
      graph.add('GatherND', [graph.add('Add', ['x', down], 'stream'), 'picked'], 'picks', { batch_dims: 1 }),
      'last',
    ),
    'y',
    hidden,
    hidden,
  );
  graph.finish();
  return { model, weights, gains };
}

/** The same of one row, in float64. */
function exact(x: Float32Array, gains: Float32Array, weights: ReadonlyMap<string, BlockWeights>): number[] {
  const norm = (row: readonly number[]) => {
    const rms = Math.sqrt(row.reduce((sum, value) => sum + value ** 2, 0) / row.length + 1e-5);
    return row.map((value, channel) => (value / rms) * (gains[channel] ?? 0));
  };
  const normed = norm([...x]);
  const times = (row: readonly number[], name: string) => {
    const { n, k, levels, scales } = weights.get(name) as BlockWeights;
    const weight = (column: number, i: number) =>
      ((levels[column * k + i] ?? 0) - 128) * (scales[Math.floor((column * k + i) / block)] ?? 0);
    return Array.from({ length: n }, (_, column) =>
      row.reduce((sum, value, i) => sum + value * weight(column, i), 0),
    );
  };
  const [gate, up] = [times(normed, 'gate'), times(normed, 'up')];
  const inner = gate.map((value, i) => (value / (1 + Math.exp(-value))) * (up[i] ?? 0));
  return times(norm(times(inner, 'down').map((value, i) => value + (x[i] ?? 0))), 'y');
}

describe('products by column', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'steerd-'));
  after(() => rm(folder, { recursive: true }));
  const { model, weights, gains } = gatedBlock();
  await writeFile(join(folder, 'model.onnx'), serializeModel(model));
  const settings = { threads: 2, weightsDirectory: folder, spinning: false };
  const byBlock = await Session.create(serializeModel(model), settings);

  /** @param extra copies of large channels */
  async function byColumn(extra: number, levels: ColumnLevels) {
    const products = new Map<string, { weight: string; scales: Float32Array }>();
    const groups = new Map<string, { factors: Float32Array | null; repeated: readonly number[] }>();
    const files = [];
    for (const group of columnProducts(model)) {
      const peaks = Float32Array.from({ length: group.k }, (_, channel) => peak(channel));
      const split = splitChannels(peaks, group.k === hidden ? extra : 0);
      groups.set(group.name, {
        factors:
          split.repeated.length > 0 ? Float32Array.from(split.divisors, (divisor) => 1 / divisor) : null,
        repeated: split.repeated,
      });
      for (const { output, n } of group.products) {
        const its = weights.get(output);
        if (!its) throw new Error(output);
        const { levels: bytes, scales } = weightsByColumn(its, split, levels.weight);
        const location = `${output}-${extra}-${levels.weight}`;
        await writeFile(join(folder, location), bytes);
        const shape = [bytes.length / n, n];
        const name = `${output}/column`;
        files.push({ name, location, offset: 0, bytes: bytes.length, dataType: dataTypes.int8, shape });
        products.set(output, { weight: name, scales });
      }
    }
    const form: ColumnForm = { levels, groups, products };
    const rewritten = multiplyByColumn(model, form);
    const shared = new SharedWeights(folder, files);
    assert.equal(shared.count, 4);
    const session = await Session.create(serializeModel(rewritten), { ...settings, weights: [shared] });
    return { session, rewritten, shared };
  }

  // The fewer ones where full levels would saturate.
  const usual = addsPairsIn16Bits() ? pairLevels : fullLevels;
  const plain = await byColumn(0, usual);
  const split = await byColumn(64, usual);
  const fewer = usual === pairLevels ? split : await byColumn(64, pairLevels);
  after(() => {
    for (const { session, shared } of new Set([plain, split, fewer])) {
      session.release();
      shared.release();
    }
    byBlock.release();
  });

  const most = 64;
  const x = Float32Array.from({ length: most * hidden }, () => 2 * random() - 1);
  const rowOf = (values: Float32Array, row: number) => values.subarray(row * hidden, (row + 1) * hidden);
  /** @param picked how many tokens of each row reach the head */
  const run = (
    session: Session,
    values: Float32Array,
    [rows = 1, tokens = 1]: readonly number[],
    picked = tokens,
  ) => {
    const picks = Array.from({ length: rows * picked }, (_, i) => i % picked);
    const inputs = { x: floats([rows, tokens, hidden], values), picked: ints([rows, picked, 1], picks) };
    return runGraph(session, inputs, { y: [rows, picked, hidden] }).y ?? new Float32Array(0);
  };

  test('the graph has no other product, and quantises the rows of gate and up once', () => {
    const types = split.rewritten.graph?.node.map(({ opType }) => opType) ?? [];
    const count = (type: string) => types.filter((one) => one === type).length;
    assert.equal(count('MatMulNBits'), 0);
    assert.equal(count('MatMulIntegerToFloat'), 4);
    assert.equal(count('QuantizeLinear'), 3);
    // Nothing reshapes what these products read.
    const quantised = split.rewritten.graph?.node.filter(({ opType }) => opType === 'QuantizeLinear');
    assert.deepEqual(quantised?.map(({ input }) => input[0]).slice(0, 2), ['normed', 'inner']);
  });

  for (const [what, { session }] of [
    ['no channel split', plain],
    ['large channels split', split],
  ] as const) {
    const whole = run(session, x, [1, most]);

    test(`${what}: a row of 1 to ${most} is the row alone, to the bit`, () => {
      const alone = Array.from({ length: most }, (_, row) => run(session, rowOf(x, row), [1, 1]));
      for (let rows = 1; rows <= most; rows++)
        for (const shape of [[rows, 1], [1, rows], ...(rows % 3 === 0 ? [[3, rows / 3]] : [])]) {
          const made = run(session, x.subarray(0, rows * hidden), shape);
          for (let row = 0; row < rows; row++)
            assert.deepEqual(rowOf(made, row), alone[row], `row ${row} of ${shape}`);
        }
    });

    test(`${what}: no row is asked for`, () => {
      assert.equal(run(session, x, [1, most], 0).length, 0);
      assert.equal(run(session, x, [most, 1], 0).length, 0);
    });

    test(`${what}: a row of zeros gives zeros`, () => {
      assert.ok(run(session, new Float32Array(hidden), [1, 1]).every((value) => value === 0));
    });

    test(`${what}: a row that is not finite stays so, and its neighbours do not notice`, () => {
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
        const values = x.slice();
        values[3 * hidden + 5] = bad;
        const made = run(session, values, [1, most]);
        assert.ok(rowOf(made, 3).every((value) => !Number.isFinite(value)));
        for (const row of [0, 2, 4, most - 1]) assert.deepEqual(rowOf(made, row), rowOf(whole, row));
      }
    });
  }

  test('close to exact products, and as close as those by block where large channels are split', () => {
    const expected = Array.from({ length: most }, (_, row) => exact(rowOf(x, row), gains, weights)).flat();
    const size = Math.sqrt(expected.reduce((sum, value) => sum + value ** 2, 0));
    const errorOf = (session: Session) => {
      const made = run(session, x, [1, most]);
      return Math.sqrt(made.reduce((sum, value, i) => sum + (value - (expected[i] ?? 0)) ** 2, 0)) / size;
    };
    const sessions = [byBlock, split.session, plain.session, fewer.session];
    const errors = sessions.map(errorOf) as [number, number, number, number];
    const [blocks, withSplit, without, withFewer] = errors;
    assert.ok(withFewer < 2 * blocks && withSplit <= withFewer, `${errors}`);
    assert.ok(usual === pairLevels || withSplit < 1.5 * blocks, `${errors}`);
    assert.ok(withSplit < without && without < 0.1, `${errors}`);
  });
});
