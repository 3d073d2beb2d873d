/**
 * The parts that a decoder's graph is put together from: products in the form that a precision asks for, norms, biases,
 * activations, the embedding; each adds its nodes to the graph and its weights to the plan.
 */
import { create } from '@bufbuild/protobuf';
import { dataTypes } from '../onnx/graph/data-types.js';
import { Graph } from '../onnx/graph/graph.js';
import { newModel } from '../onnx/graph/model-file.js';
import {
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from '../onnx/schema/onnx_pb.js';
import type { CheckpointWeights } from './checkpoint-weights.js';
import { embeddingName, headName } from './describe.js';
import type { Decoder, Precision } from './description/decoder.js';
import { blockSize, blocksOf } from './quantize.js';
import { type MatrixForm, type RowRange, type StoredWeight, WeightPlan } from './weight-plan.js';

export const microsoft = 'com.microsoft';
/** Activations are rounded to 8 bits, block by block (MatMulNBits' accuracy_level). */
const int8Level = 4;
const opset = 21;

/** Some of a bias: `count` of its `all` numbers. */
export interface BiasPart {
  readonly name: string;
  readonly first: number;
  readonly count: number;
  readonly all: number;
}

export const whole = (name: string, length: number): BiasPart => ({
  name,
  first: 0,
  count: length,
  all: length,
});

export class GraphParts {
  readonly graph: Graph;
  readonly plan: WeightPlan;
  readonly floatType: number;
  readonly #dimensions = new Map<string, string>();

  constructor(
    readonly decoder: Decoder,
    readonly weights: CheckpointWeights,
    readonly precision: Precision,
  ) {
    const model = newModel('decoder');
    model.irVersion = 10n;
    model.producerName = 'steerd';
    model.opsetImport = [
      create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(opset) }),
      create(OperatorSetIdProtoSchema, { domain: microsoft, version: 1n }),
    ];
    this.graph = new Graph(model);
    this.floatType = precision === 'fp16' ? dataTypes.float16 : dataTypes.float32;
    this.plan = new WeightPlan(this.floatType);
  }

  /** A number in the graph's own type of floats. */
  scalar(value: number): string {
    if (this.floatType === dataTypes.float32) return this.graph.float32(value);
    const wide = this.graph.float32(value);
    return this.graph.add('Cast', [wide], `${wide}_half`, { to: dataTypes.float16 });
  }

  times(tensor: string, value: number, name: string): string {
    return value === 1 ? tensor : this.graph.add('Mul', [tensor, this.scalar(value)], name);
  }

  shape(...sizes: number[]): string {
    const key = sizes.join();
    const known = this.#dimensions.get(key) ?? this.graph.int64(sizes);
    this.#dimensions.set(key, known);
    return known;
  }

  normWeight(norm: string, width: number, scale = 1): string {
    const { normOffset } = this.decoder;
    const values = this.weights.vector(`${norm}.weight`, width);
    return this.plan.vector(`${norm}.weight`, width, async () => {
      const given = await values();
      return normOffset === 0 && scale === 1 ? given : given.map((value) => (value + normOffset) * scale);
    });
  }

  norm(tensor: string, norm: string, width: number, name: string): string {
    return this.#norm(tensor, this.normWeight(norm, width), this.decoder.epsilon, name);
  }

  /**
   * A norm of queries or keys. Zeros between a head's numbers make their mean square smaller: the weight and epsilon are smaller
   * by as much, so that x w / sqrt(mean(x^2) + epsilon) stays what it was.
   */
  headNorm(tensor: string, norm: string, width: number, name: string): string {
    const { layout, epsilon } = this.decoder;
    const share = layout.given / layout.padded;
    const weight = this.normWeight(norm, width, Math.sqrt(share));
    return this.#norm(tensor, weight, epsilon * share, name);
  }

  #norm(tensor: string, weight: string, epsilon: number, name: string): string {
    const settings = { axis: -1, epsilon: { float: epsilon }, stash_type: 1 };
    return this.graph.add('SimplifiedLayerNormalization', [tensor, weight], name, settings);
  }

  product(
    input: string,
    name: string,
    sources: readonly RowRange[],
    form: MatrixForm,
    output: string,
  ): string {
    const isFloat = this.precision === 'fp16' || this.precision === 'fp32';
    const names = this.plan.matrix(name, isFloat ? 'columns' : form, sources);
    if (isFloat) return this.graph.add('MatMul', [input, names[0] ?? ''], output);
    const rows = sources.reduce((sum, { count }) => sum + count, 0);
    const columns = sources[0]?.tensor.shape[1] ?? 0;
    return this.blockProduct(input, names, form === 'q8' ? 8 : 4, rows, columns, output);
  }

  blockProduct(
    input: string,
    weights: readonly string[],
    bits: number,
    rows: number,
    columns: number,
    output: string,
  ): string {
    const settings = { K: columns, N: rows, bits, block_size: blockSize, accuracy_level: int8Level };
    return this.graph.add('MatMulNBits', [input, ...weights], output, settings, microsoft);
  }

  /** Adds a bias, of parts side by side, where the checkpoint has it. */
  biased(tensor: string, name: string, parts: readonly BiasPart[], output: string): string {
    if (!parts.some((part) => this.weights.has(part.name))) return tensor;
    const length = parts.reduce((sum, { count }) => sum + count, 0);
    const readers = parts.map(({ name: part, all }) =>
      this.weights.has(part) ? this.weights.vector(part, all) : async () => new Float32Array(all),
    );
    const bias = this.plan.vector(`${name}.bias`, length, async () => {
      const values = new Float32Array(length);
      let at = 0;
      for (const [index, { first, count }] of parts.entries()) {
        values.set(((await readers[index]?.()) ?? new Float32Array(0)).subarray(first, first + count), at);
        at += count;
      }
      return values;
    });
    return this.graph.add('Add', [tensor, bias], output);
  }

  /** A weight that lies in a file beside the graph. */
  declare({ name, dataType, dims, bytes, file, offset }: StoredWeight): void {
    const place = { location: file, offset: `${offset}`, length: `${bytes}` };
    this.graph.addInitializer(
      create(TensorProtoSchema, {
        name,
        dataType,
        dims: dims.map(BigInt),
        dataLocation: TensorProto_DataLocation.EXTERNAL,
        externalData: Object.entries(place).map(([key, value]) =>
          create(StringStringEntryProtoSchema, { key, value }),
        ),
      }),
    );
  }

  #gatherBlocks(values: string, scales: string, rows: number): string {
    const { graph, decoder } = this;
    const width = blocksOf(decoder.hidden) * blockSize;
    const flat = graph.add('Reshape', [values, this.shape(rows, width)], 'embedding_rows');
    const settings = { bits: 8, block_size: blockSize, gather_axis: 0, quantize_axis: 1 };
    const wide = width === decoder.hidden ? 'embedded' : 'embedded_wide';
    graph.add('GatherBlockQuantized', [flat, 'input_ids', scales], wide, settings, microsoft);
    if (width === decoder.hidden) return wide;
    const ends = [this.shape(0), this.shape(decoder.hidden), this.shape(-1)];
    return graph.add('Slice', [wide, ...ends], 'embedded');
  }

  /** The embeddings of the tokens, and how the head is computed: a table that both share is stored once. */
  embedding(): { embedded: string; head: (tensor: string) => string } {
    const { graph, decoder, plan, precision } = this;
    const { hidden } = decoder;
    const table = [this.weights.rows(embeddingName, [-1, hidden])];
    const isFloat = precision === 'fp16' || precision === 'fp32';
    const name = decoder.tied ? 'lm_head' : 'model.embed_tokens';
    const [values = '', scales = ''] = plan.matrix(name, isFloat ? 'rows' : 'q8', table);
    const rows = table[0]?.count ?? 0;
    const looked = isFloat
      ? graph.add('Gather', [values, 'input_ids'], 'embedded', { axis: 0 })
      : this.#gatherBlocks(values, scales, rows);
    const embedded = this.times(looked, decoder.embeddingScale, 'embedded_scaled');
    if (!decoder.tied)
      return {
        embedded,
        head: (tensor) =>
          this.product(tensor, 'lm_head', [this.weights.rows(headName, [-1, hidden])], 'q8', 'head'),
      };
    if (!isFloat)
      return {
        embedded,
        head: (tensor) => this.blockProduct(tensor, [values, scales], 8, rows, hidden, 'head'),
      };
    return {
      embedded,
      head: (tensor) =>
        graph.add(
          'MatMul',
          [tensor, graph.add('Transpose', [values], 'lm_head.columns', { perm: [1, 0] })],
          'head',
        ),
    };
  }

  activated(gate: string, at: string): string {
    const { graph, decoder } = this;
    if (decoder.activation === 'gelu') return graph.add('Gelu', [gate], `${at}/activated`);
    // tanh-approximated GELU is x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)). The operator for it is less exact.
    const bent = (() => {
      if (decoder.activation === 'silu') return gate;
      const linear = 2 * Math.sqrt(2 / Math.PI);
      const square = graph.add('Mul', [gate, gate], `${at}/square`);
      const scaled = graph.add('Mul', [square, this.scalar(linear * 0.044715)], `${at}/square_scaled`);
      const slope = graph.add('Add', [scaled, this.scalar(linear)], `${at}/slope`);
      return graph.add('Mul', [gate, slope], `${at}/bent`);
    })();
    const opened = graph.add('Sigmoid', [bent], `${at}/opened`);
    return graph.add('Mul', [gate, opened], `${at}/activated`);
  }
}
