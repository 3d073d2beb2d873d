/**
 * Multiplies in whole numbers by column: in place of MatMulNBits, which has a scale for every block of a column, the rows
 * of activations are quantised each by itself to uint8 around 128, and multiplied by int8 weights with one scale for each
 * column. The sums are integers, so a row's result does not depend on how many rows there are, and the CPU's matrix
 * instructions compute whole columns at once.
 *
 * The few channels of activations that are far larger than the others would take the precision of the whole row. They
 * are divided by a number, and come several times in the sum, with parts of their weights (src/engine/load/requantize.ts).
 */
import { create } from '@bufbuild/protobuf';
import { columnProducts, type ProductGroup } from '../find/column-products.js';
import { dataTypes } from '../graph/data-types.js';
import { Graph } from '../graph/graph.js';
import { cloneModel } from '../graph/model-file.js';
import { type ModelProto, type TensorProto, TensorProtoSchema } from '../schema/onnx_pb.js';

/** How a group's activations are quantised. */
export interface GroupForm {
  /** Of each channel, what its activation is multiplied by first. Null for ones. */
  readonly factors: Float32Array | null;
  /** The channels that come once more behind the others, one of them several times perhaps. */
  readonly repeated: readonly number[];
}

/** A product's weights by column: both weights lie outside of the model, and are given to its session by these names. */
export interface ColumnWeights {
  /** Of int8 [k + repeated, n]. */
  readonly weight: string;
  /** Of float32 [n]. */
  readonly scales: string;
}

export interface ColumnForm {
  /** By the names of the groups. */
  readonly groups: ReadonlyMap<string, GroupForm>;
  /** By the names of the products, which are their outputs. */
  readonly products: ReadonlyMap<string, ColumnWeights>;
}

/**
 * Where the weights are said to lie: ONNX Runtime asks for a file that exists. Nothing is read there, since a session is
 * given them.
 */
const nowhere = 'model.onnx';

const largestLevel = 127;
const middle = 128;

/** @returns a copy with every product that `form` names by column */
export function multiplyByColumn(model: ModelProto, form: ColumnForm): ModelProto {
  const groups = columnProducts(model);
  const graph = new Graph(cloneModel(model));
  const constants = new SharedConstants(graph);
  for (const { name, input, k: width, products } of groups) {
    const its = form.groups.get(name);
    if (!its) continue;
    const rows = quantizeRows(graph, constants, { name, input, width }, its);
    for (const { output, k, n } of products) {
      const weights = form.products.get(output);
      const node = graph.producer(output);
      if (!weights || !node) continue;
      const dims = [k + its.repeated.length, n];
      graph.addInitializer(elsewhere(weights.weight, dataTypes.int8, dims));
      graph.addInitializer(elsewhere(weights.scales, dataTypes.float32, [n]));
      const whole = graph.add(
        'MatMulIntegerToFloat',
        [rows.levels, weights.weight, constants.one, weights.scales, constants.middle],
        `${output}/by_column`,
        {},
        'com.microsoft',
      );
      graph.renameOutput(node, 0, `${output}/by_block`);
      graph.add('Mul', [whole, rows.scale], output);
    }
  }
  graph.finish();
  return graph.model;
}

/** Of a graph, the constants that all groups read. */
class SharedConstants {
  readonly one: string;
  readonly middle: string;
  readonly share: string;
  readonly lastAxis: string;

  constructor(graph: Graph) {
    this.one = graph.float32(1);
    this.share = graph.float32(1 / largestLevel);
    this.lastAxis = graph.int64([-1]);
    this.middle = graph.addInitializer(
      create(TensorProtoSchema, {
        name: 'steerd/middle_level',
        dataType: dataTypes.uint8,
        rawData: Uint8Array.of(middle),
      }),
    );
  }
}

/** @returns the rows as uint8 levels [.., k + repeated], and their scales [.., 1] */
function quantizeRows(
  graph: Graph,
  constants: SharedConstants,
  { name: group, input, width }: { name: string; input: string; width: number },
  { factors, repeated }: GroupForm,
): { levels: string; scale: string } {
  const name = (part: string) => `${group}/rows/${part}`;
  const scaled = factors
    ? graph.add('Mul', [input, vector(graph, name('factors'), factors)], name('scaled'))
    : input;
  const sizes = graph.add('Abs', [scaled], name('sizes'));
  const largest = largestOf(graph, sizes, constants.lastAxis, name('largest'));
  const scale = graph.add('Mul', [largest, constants.share], name('scale'));
  // One scale for each row: QuantizeLinear takes a vector of scales along one axis.
  const flatScale = graph.add('Reshape', [scale, constants.lastAxis], name('flat_scale'));
  const count = graph.add('Shape', [flatScale], name('count'));
  const value = { dataType: dataTypes.uint8, dims: [1n], rawData: Uint8Array.of(middle) };
  graph.add('ConstantOfShape', [count], name('middles'), { value: create(TensorProtoSchema, value) });
  const rows = graph.add('Reshape', [scaled, graph.int64([-1, width])], name('flat'));
  const flatLevels = graph.add('QuantizeLinear', [rows, flatScale, name('middles')], name('flat_levels'), {
    axis: 0,
  });
  const shape = graph.add('Shape', [scaled], name('shape'));
  const levels = graph.add('Reshape', [flatLevels, shape], name('levels'));
  if (repeated.length === 0) return { levels, scale };
  const again = graph.add('Gather', [levels, graph.int64(repeated)], name('again'), { axis: -1 });
  return { levels: graph.add('Concat', [levels, again], name('all_levels'), { axis: -1 }), scale };
}

/** ReduceMax takes its axes as an input from opset 18 on. */
function largestOf(graph: Graph, tensor: string, axis: string, output: string): string {
  return graph.opset >= 18
    ? graph.add('ReduceMax', [tensor, axis], output, { keepdims: 1 })
    : graph.add('ReduceMax', [tensor], output, { keepdims: 1, axes: [-1] });
}

function vector(graph: Graph, name: string, values: Float32Array): string {
  return graph.addInitializer(
    create(TensorProtoSchema, {
      name,
      dataType: dataTypes.float32,
      dims: [BigInt(values.length)],
      floatData: [...values],
    }),
  );
}

function elsewhere(name: string, dataType: number, dims: readonly number[]): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType,
    dims: dims.map(BigInt),
    dataLocation: 1,
    externalData: [{ key: 'location', value: nowhere }],
  });
}

/**
 * Adds to a graft, for each group, the largest absolute activation of each channel over all tokens as an output: float32
 * [k].
 * @returns the outputs' names, by group
 */
export function exposePeaks(model: ModelProto, groups: readonly ProductGroup[]): Map<string, string> {
  const graph = new Graph(model);
  const names = new Map<string, string>();
  for (const { name, input } of groups) {
    const sizes = graph.add('Abs', [input], `${name}/peak_sizes`);
    const peak = `${name}/peaks`;
    if (graph.opset >= 18) graph.add('ReduceMax', [sizes, graph.int64([0, 1])], peak, { keepdims: 0 });
    else graph.add('ReduceMax', [sizes], peak, { keepdims: 0, axes: [0, 1] });
    graph.addOutput(peak, dataTypes.float32, ['channels']);
    names.set(name, peak);
  }
  graph.finish();
  return names;
}
