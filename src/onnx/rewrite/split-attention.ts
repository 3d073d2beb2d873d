/**
 * Computes GroupQueryAttention in parts, each a node of its own.
 *
 * By tokens, a run of n tokens of one row attends with n nodes of one token each, where the kernel would take them
 * together. On the CPU those are two kernels whose last bits differ, so a run of n tokens then computes what n decode
 * steps do, and its products still read the weights once. Each part reads what the parts before it have written: the
 * caller binds the present keys (and values) of all parts and the past ones to one and the same buffer.
 *
 * By rows, n rows attend with n nodes of one row each: the kernel refuses several rows of more than one token behind a
 * past. Each row has past and present tensors of its own.
 */
import { clone } from '@bufbuild/protobuf';
import { dataTypes } from '../graph/data-types.js';
import { Graph } from '../graph/graph.js';
import { cloneModel, OnnxError } from '../graph/model-file.js';
import {
  type ModelProto,
  type NodeProto,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../schema/onnx_pb.js';

export type SplitBy = 'tokens' | 'rows';

/** Inputs of GroupQueryAttention, by position. */
const gqa = {
  query: 0,
  key: 1,
  value: 2,
  pastKey: 3,
  pastValue: 4,
  seqlens: 5,
  total: 6,
  positions: 9,
} as const;
const attentionBias = 10;
/** Its outputs: attention, present keys and present values. */
const knownOutputs = 3;

/** What a tensor of keys or values is called in part `part` of a split graph. */
export const partName = (tensor: string, part: number) => `${tensor}/part_${part}`;

/**
 * @param original a graft whose attention is GroupQueryAttention in every layer
 * @param parts tokens of a run, or rows of a run: at least 2
 * @returns a copy. Its outputs with present keys and values are named by `partName`; by rows, also its inputs with past
 *   ones, while the present ones of all rows together keep the graft's name as an inner tensor where the graft reads it.
 * @throws OnnxError for attention that cannot be split
 */
export function splitAttention(original: ModelProto, by: SplitBy, parts: number): ModelProto {
  const model = cloneModel(original);
  const graph = new Graph(model);
  const nodes = graph.proto.node.filter(({ opType }) => opType === 'GroupQueryAttention');
  if (nodes.length === 0) throw new OnnxError('only GroupQueryAttention can be computed in parts');
  graph.proto.node = graph.proto.node.filter((node) => !nodes.includes(node));
  const split = new Splitter(graph, by, parts);
  for (const node of nodes) split.node(node);
  graph.finish();
  return model;
}

class Splitter {
  /** By a tensor's name: those of its parts, which layers share. */
  readonly #known = new Map<string, readonly string[]>();

  constructor(
    readonly graph: Graph,
    readonly by: SplitBy,
    readonly parts: number,
  ) {}

  node(node: NodeProto): void {
    const { graph, by } = this;
    if (node.input[attentionBias]) throw new OnnxError(`${node.name}: its bias cannot be split`);
    if (node.output.slice(knownOutputs).some((name) => name !== ''))
      throw new OnnxError(`${node.name}: it gives more out than attention, keys and values`);
    const [output = '', presentKey = '', presentValue = ''] = node.output;
    const [pastKey = '', pastValue = ''] = [node.input[gqa.pastKey], node.input[gqa.pastValue]];
    if (!pastKey || !pastValue) throw new OnnxError(`${node.name}: it has no past keys and values`);
    const axis = by === 'rows' ? 0 : 1;
    const [queries, keys, values] = [gqa.query, gqa.key, gqa.value].map((input) =>
      this.#cut(node.input[input] ?? '', axis),
    );
    const positions = this.#cut(node.input[gqa.positions] ?? '', axis);
    const lengths = this.#counts(node.input[gqa.seqlens] ?? '');
    const totals =
      by === 'rows' ? this.#same(node.input[gqa.total] ?? '') : this.#counts(node.input[gqa.total] ?? '');
    const attended = Array.from({ length: this.parts }, (_, part) => {
      const past = (tensor: string, present: string) => {
        if (by === 'rows') return partName(tensor, part);
        return part === 0 ? tensor : partName(present, part - 1);
      };
      const inputs: readonly (readonly [number, string | undefined])[] = [
        [gqa.query, queries?.[part]],
        [gqa.key, keys?.[part]],
        [gqa.value, values?.[part]],
        [gqa.pastKey, past(pastKey, presentKey)],
        [gqa.pastValue, past(pastValue, presentValue)],
        [gqa.seqlens, lengths[part]],
        [gqa.total, totals[part]],
        [gqa.positions, positions[part]],
      ];
      const read = [...node.input];
      for (const [index, name] of inputs) if (name) read[index] = name;
      const written = [output, presentKey, presentValue].map((name) => partName(name, part));
      graph.addNode(node.opType, read, written, {}, node.domain).attribute = node.attribute;
      return written[0] ?? '';
    });
    graph.add('Concat', attended, output, { axis });
    for (const present of [presentKey, presentValue]) {
      this.#replace(graph.proto.output, present);
      // A runtime computes what nobody reads, too.
      if (by === 'rows' && graph.consumers(present).length > 0)
        graph.add('Concat', this.#names(present), present, { axis: 0 });
    }
    if (by === 'rows') for (const past of [pastKey, pastValue]) this.#replace(graph.proto.input, past);
  }

  #names(tensor: string): string[] {
    return Array.from({ length: this.parts }, (_, part) => partName(tensor, part));
  }

  #same(tensor: string): string[] {
    return new Array<string>(this.parts).fill(tensor);
  }

  /** The tensor's parts along an axis, one position each; none of an input that is left out. */
  #cut(tensor: string, axis: number): readonly string[] {
    if (!tensor) return [];
    return this.#once(tensor, () => {
      const { graph, parts } = this;
      const names = this.#names(tensor);
      graph.addNode('Split', [tensor], names, {
        axis,
        ...(graph.opset >= 18 && { num_outputs: parts }),
      });
      return names;
    });
  }

  /**
   * Of lengths [B] or a total: those of each part. A run's last token sees all of them, and each one before it one less.
   */
  #counts(tensor: string): readonly string[] {
    if (this.by === 'rows') return this.#cut(tensor, 0);
    return this.#once(tensor, () =>
      this.#names(tensor).map((name, part) => {
        const { graph, parts } = this;
        const missing = graph.add('Cast', [graph.int64(parts - 1 - part)], `${name}_missing`, {
          to: dataTypes.int32,
        });
        return graph.add('Sub', [tensor, missing], name);
      }),
    );
  }

  #once(tensor: string, make: () => readonly string[]): readonly string[] {
    const known = this.#known.get(tensor) ?? make();
    this.#known.set(tensor, known);
    return known;
  }

  /** In place of an input or output of the graph: one of each part. By rows it has one row. */
  #replace(list: ValueInfoProto[], tensor: string): void {
    const at = list.findIndex(({ name }) => name === tensor);
    const info = list[at];
    if (!info) throw new OnnxError(`${tensor} is no input or output of the graph`);
    const each = this.#names(tensor).map((name) => {
      const own = clone(ValueInfoProtoSchema, info);
      own.name = name;
      const type = own.type?.value;
      const rows = type?.case === 'tensorType' ? type.value.shape?.dim[0] : undefined;
      if (rows && this.by === 'rows') rows.value = { case: 'dimValue', value: 1n };
      return own;
    });
    list.splice(at, 1, ...each);
  }
}
