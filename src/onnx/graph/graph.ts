/**
 * A graph seen as tensors and the nodes between them: who makes a tensor, who reads it, what lies up- and
 * downstream, and new nodes. Tensors are named by strings, "" is an input left out (ONNX IR).
 */
import { create } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../schema/onnx_pb.js';
import { OnnxError } from './model-file.js';

/** TensorProto.DataType codes used here. */
export const dataTypes = {
  float32: 1,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
} as const;

type AttributeValue = number | string | readonly number[] | { float: number };

export class Graph {
  readonly proto: GraphProto;
  /** Version of the default operator set. */
  readonly opset: number;
  readonly #producers = new Map<string, NodeProto>();
  readonly #consumers = new Map<string, NodeProto[]>();
  readonly #initializers: Map<string, TensorProto>;
  #constants = 0;

  constructor(readonly model: ModelProto) {
    if (!model.graph) throw new OnnxError('the model has no graph');
    this.proto = model.graph;
    this.opset = Number(
      model.opsetImport.find((entry) => entry.domain === '' || entry.domain === 'ai.onnx')?.version ?? 0,
    );
    this.#initializers = new Map(this.proto.initializer.map((tensor) => [tensor.name, tensor]));
    for (const node of this.proto.node) this.#index(node);
  }

  #index(node: NodeProto): void {
    for (const output of node.output) if (output) this.#producers.set(output, node);
    for (const input of new Set(reads(node))) {
      if (!input) continue;
      const readers = this.#consumers.get(input);
      if (readers) readers.push(node);
      else this.#consumers.set(input, [node]);
    }
  }

  producer(tensor: string): NodeProto | undefined {
    return this.#producers.get(tensor);
  }

  consumers(tensor: string): readonly NodeProto[] {
    return this.#consumers.get(tensor) ?? [];
  }

  initializer(tensor: string): TensorProto | undefined {
    return this.#initializers.get(tensor);
  }

  /** True for a weight or a constant, which no input can change. */
  isConstant(tensor: string): boolean {
    return this.#initializers.has(tensor) || this.#producers.get(tensor)?.opType === 'Constant';
  }

  /** Names of the graph's inputs that are fed at run time. */
  inputs(): ValueInfoProto[] {
    return this.proto.input.filter((input) => !this.#initializers.has(input.name));
  }

  /** Every tensor whose values `tensor` is computed from, itself included; a shape is not a value. */
  ancestors(tensor: string): Set<string> {
    const seen = new Set<string>([tensor]);
    const open = [tensor];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const maker = this.#producers.get(next);
      for (const input of maker && !readsShapes(maker) ? reads(maker) : []) {
        if (!input || seen.has(input)) continue;
        seen.add(input);
        open.push(input);
      }
    }
    return seen;
  }

  /** Every tensor whose values depend on one of `tensors`, themselves included; a shape is not a value. */
  descendants(tensors: readonly string[]): Set<string> {
    const seen = new Set<string>(tensors);
    const open = [...tensors];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      for (const node of this.consumers(next)) {
        if (readsShapes(node)) continue;
        for (const output of node.output) {
          if (!output || seen.has(output)) continue;
          seen.add(output);
          open.push(output);
        }
      }
    }
    return seen;
  }

  /** Adds a node with one output, and returns that output's name. */
  add(
    opType: string,
    inputs: readonly string[],
    output: string,
    attributes: Readonly<Record<string, AttributeValue>> = {},
    domain = '',
  ): string {
    this.addNode(opType, inputs, [output], attributes, domain);
    return output;
  }

  addNode(
    opType: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    domain = '',
  ): NodeProto {
    const node = create(NodeProtoSchema, {
      opType,
      domain,
      name: outputs[0] ?? opType,
      input: [...inputs],
      output: [...outputs],
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    });
    this.proto.node.push(node);
    this.#index(node);
    return node;
  }

  /** Asks a node for an optional output it did not give, and returns the output's name. */
  nameOutput(node: NodeProto, index: number, name: string): string {
    while (node.output.length <= index) node.output.push('');
    node.output[index] ||= name;
    this.#producers.set(node.output[index] ?? name, node);
    return node.output[index] ?? name;
  }

  /** Gives output number `index` of a node another name; its readers still read the old one. */
  renameOutput(node: NodeProto, index: number, name: string): string {
    this.#producers.delete(node.output[index] ?? '');
    node.output[index] = name;
    this.#producers.set(name, node);
    return name;
  }

  setAttribute(node: NodeProto, name: string, value: AttributeValue): void {
    node.attribute = [...node.attribute.filter((entry) => entry.name !== name), attribute(name, value)];
  }

  /** An int64 constant; a bare number is a scalar, a list a vector. */
  int64(value: number | readonly number[]): string {
    const values = typeof value === 'number' ? [value] : value;
    return this.#constant(
      create(TensorProtoSchema, {
        dataType: dataTypes.int64,
        dims: typeof value === 'number' ? [] : [BigInt(values.length)],
        int64Data: values.map(BigInt),
      }),
    );
  }

  /** A float32 scalar constant. */
  float32(value: number): string {
    return this.#constant(create(TensorProtoSchema, { dataType: dataTypes.float32, floatData: [value] }));
  }

  #constant(tensor: TensorProto): string {
    do tensor.name = `steerd/constant_${this.#constants++}`;
    while (this.#initializers.has(tensor.name));
    return this.addInitializer(tensor);
  }

  /** Adds a weight under a name that the graph does not have, and returns the name. */
  addInitializer(tensor: TensorProto): string {
    this.proto.initializer.push(tensor);
    this.#initializers.set(tensor.name, tensor);
    return tensor.name;
  }

  /** Makes every reader of `from` that is in `nodes` read `to` instead. */
  redirect(from: string, to: string, nodes: readonly NodeProto[]): void {
    for (const node of nodes) {
      rename(node, from, to);
      this.#consumers.set(
        from,
        this.consumers(from).filter((reader) => reader !== node),
      );
      this.#consumers.set(to, [...this.consumers(to), node]);
    }
  }

  /** Makes input number `index` of a node read `tensor`; "" leaves it out. */
  setInput(node: NodeProto, index: number, tensor: string): void {
    const old = node.input[index] ?? '';
    node.input[index] = tensor;
    if (old && !reads(node).includes(old))
      this.#consumers.set(
        old,
        this.consumers(old).filter((reader) => reader !== node),
      );
    if (tensor && !this.consumers(tensor).includes(node))
      this.#consumers.set(tensor, [...this.consumers(tensor), node]);
  }

  /** Drops the declared shapes of tensors. Runtimes plan memory by them: a wrong one is worse than none. */
  forgetShapes(tensors: ReadonlySet<string>): void {
    this.proto.valueInfo = this.proto.valueInfo.filter((info) => !tensors.has(info.name));
  }

  addInput(name: string, elementType: number, shape: readonly string[]): void {
    this.proto.input.push(valueInfo(name, elementType, shape));
  }

  /** Turns an int64 input, where there is one of that name, into a constant. */
  fixInput(name: string, value: number): void {
    const input = this.inputs().find((candidate) => candidate.name === name);
    if (!input) return;
    const type = input.type?.value;
    const rank = type?.case === 'tensorType' ? (type.value.shape?.dim.length ?? 0) : 0;
    const tensor = create(TensorProtoSchema, {
      name,
      dataType: dataTypes.int64,
      dims: new Array<bigint>(rank).fill(1n),
      int64Data: [BigInt(value)],
    });
    this.proto.input = this.proto.input.filter((candidate) => candidate !== input);
    this.addInitializer(tensor);
  }

  addOutput(name: string, elementType: number, shape: readonly string[]): void {
    this.proto.output.push(valueInfo(name, elementType, shape));
  }

  /**
   * Puts nodes in an order in which every tensor is made before it is read (ONNX requires it), drops nodes
   * whose outputs nobody wants, and tensors nobody reads.
   */
  finish(): void {
    const wanted = new Set<NodeProto>();
    const order: NodeProto[] = [];
    const stack = this.proto.output.map((output) => ({
      node: this.#producers.get(output.name),
      leaving: false,
    }));
    stack.reverse();
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const { node, leaving } = top;
      if (!node) continue;
      if (leaving) order.push(node);
      else if (!wanted.has(node)) {
        wanted.add(node);
        stack.push({ node, leaving: true });
        for (const input of reads(node).reverse())
          if (input) stack.push({ node: this.#producers.get(input), leaving: false });
      }
    }
    this.proto.node = order;
    const read = new Set([...order.flatMap(reads), ...this.proto.output.map((output) => output.name)]);
    this.proto.initializer = this.proto.initializer.filter((tensor) => read.has(tensor.name));
  }
}

/** Tensors a node reads, those inside its branches (If, Loop) included. */
function reads(node: NodeProto): string[] {
  const inner = node.attribute.flatMap((entry) => (entry.g ? [entry.g, ...entry.graphs] : entry.graphs));
  return [...node.input, ...inner.flatMap((graph) => graph.node.flatMap(reads))];
}

function readsShapes(node: NodeProto): boolean {
  return node.opType === 'Shape' || node.opType === 'Size';
}

/** ONNX names are unique across a graph and its branches, so a branch's name is the same tensor. */
function rename(node: NodeProto, from: string, to: string): void {
  node.input = node.input.map((input) => (input === from ? to : input));
  for (const { g, graphs } of node.attribute)
    for (const graph of g ? [g, ...graphs] : graphs) for (const inner of graph.node) rename(inner, from, to);
}

/** The value of an attribute, or undefined. */
export function attributeOf(node: NodeProto, name: string): number | undefined {
  const found = node.attribute.find((entry) => entry.name === name);
  if (!found) return undefined;
  return found.type === AttributeProto_AttributeType.FLOAT ? found.f : Number(found.i);
}

function attribute(name: string, value: AttributeValue) {
  const types = AttributeProto_AttributeType;
  if (typeof value === 'number')
    return create(AttributeProtoSchema, { name, type: types.INT, i: BigInt(value) });
  if (typeof value === 'string')
    return create(AttributeProtoSchema, { name, type: types.STRING, s: new TextEncoder().encode(value) });
  if ('float' in value) return create(AttributeProtoSchema, { name, type: types.FLOAT, f: value.float });
  return create(AttributeProtoSchema, { name, type: types.INTS, ints: value.map(BigInt) });
}

function valueInfo(name: string, elemType: number, shape: readonly string[]): ValueInfoProto {
  const dim = shape.map((size) => {
    const fixed = /^\d+$/.test(size);
    return {
      value: fixed
        ? ({ case: 'dimValue', value: BigInt(size) } as const)
        : ({ case: 'dimParam', value: size } as const),
    };
  });
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } },
  });
}
