/**
 * Multiplies in whole numbers by column: in place of MatMulNBits, which has a scale for every block of a column, the rows
 * of activations are quantised each by itself to uint8 around a middle level, and multiplied by int8 weights with one scale for each
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
import { cloneModel, OnnxError } from '../graph/model-file.js';
import { type ModelProto, type TensorProto, TensorProtoSchema } from '../schema/onnx_pb.js';
import type { ColumnLevels } from './column-levels.js';
import { flattenRows } from './flat-rows.js';
import { factorProduct, foldIntoNorm } from './folded-factors.js';
import { type GroupForm, RowQuantizer } from './row-quantizer.js';

/** A product's weights by column. */
export interface ColumnWeights {
  /** Name of int8 [k + repeated, n], which lies outside of the model and is given to its session. */
  readonly weight: string;
  /** [n]. */
  readonly scales: Float32Array;
}

export interface ColumnForm {
  readonly levels: ColumnLevels;
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

/** Reshape has `allowzero` from this operator set on. */
const oldestOpset = 14;

/**
 * @returns a copy with every product that `form` names by column
 * @throws OnnxError for an older operator set than 14
 */
export function multiplyByColumn(model: ModelProto, form: ColumnForm): ModelProto {
  const graph = new Graph(cloneModel(model));
  if (graph.opset < oldestOpset)
    throw new OnnxError(`products by column need opset ${oldestOpset}, the export has ${graph.opset}`);
  const isAsked = ({ name }: ProductGroup) => form.groups.has(name);
  const [first] = columnProducts(graph.model).filter(isAsked);
  const flat = first ? flattenRows(graph, first.input) : new Set<string>();
  const groups = columnProducts(graph.model).filter(isAsked);
  const { left, scales } = foldFactors(graph, groups, form);
  const quantizer = new RowQuantizer(graph, groups, flat, form.levels.activation);
  for (const group of groups) {
    const { repeated = [] } = form.groups.get(group.name) ?? {};
    // The head, if it is a product by column: numbers that broke anywhere before it must not come out as some logits.
    const last = group === groups.at(-1);
    const rows = quantizer.quantize(group, { factors: left.get(group.name) ?? null, repeated }, last);
    for (const { output, k, n } of group.products) {
      const node = graph.producer(output);
      const weights = form.products.get(output);
      const byColumn = scales.get(output);
      if (!node || !weights || !byColumn) continue;
      graph.addInitializer(elsewhere(weights.weight, [k + repeated.length, n]));
      const whole = graph.add(
        'MatMulIntegerToFloat',
        [
          rows.levels,
          weights.weight,
          quantizer.one,
          graph.floats(`${output}/column_scales`, byColumn),
          quantizer.middle,
        ],
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

/** The factors that need a node of their own, by group, and the scales of all products with those that need none. */
function foldFactors(graph: Graph, groups: readonly ProductGroup[], form: ColumnForm) {
  const left = new Map<string, Float32Array>();
  const scales = new Map([...form.products].map(([output, product]) => [output, product.scales]));
  const here = new Set(groups.flatMap(({ products }) => products.map(({ output }) => output)));
  for (const group of groups) {
    const factors = form.groups.get(group.name)?.factors;
    if (!factors || foldIntoNorm(graph, group, factors)) continue;
    const product = factorProduct(graph, group, (output) => here.has(output));
    const before = product && scales.get(product);
    if (before)
      scales.set(
        product,
        before.map((scale, channel) => scale * (factors[channel] ?? 1)),
      );
    else left.set(group.name, factors);
  }
  return { left, scales };
}

function elsewhere(name: string, dims: readonly number[]): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: dataTypes.int8,
    dims: dims.map(BigInt),
    dataLocation: 1,
    externalData: [{ key: 'location', value: nowhere }],
  });
}

/**
 * Adds to a graft, for each group, the largest absolute activation of each channel over all tokens as an output: float32
 * [k]. Its logits are no output any more: what the head reads tells its peaks, and nothing needs to be multiplied there.
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
  graph.proto.output = graph.proto.output.filter(({ name }) => name !== 'logits');
  graph.finish();
  return names;
}
