/**
 * A model's graph, indexed for reading and editing: which node makes a tensor, which nodes read it, what it is computed
 * from and what depends on it. Tensors are known by their names; "" is an optional input that is left out (ONNX IR).
 */
import { create } from '@bufbuild/protobuf';
import {
  type GraphProto,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
} from '../schema/onnx_pb.js';
import { dataTypes } from './data-types.js';
import { OnnxError } from './model-file.js';
import {
  type AttributeValue,
  newAttribute,
  newValueInfo,
  readsOnlyShapes,
  replaceInput,
  tensorsRead,
} from './node.js';

export class Graph {
  /** The message itself: edits change it in place. */
  readonly proto: GraphProto;
  /** Version of the default operator set; 0 without one. */
  readonly opset: number;
  readonly #producers = new Map<string, NodeProto>();
  readonly #consumers = new Map<string, NodeProto[]>();
  readonly #initializers: Map<string, TensorProto>;
  #constants = 0;

  /** @throws OnnxError for a model without a graph */
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
    for (const input of new Set(tensorsRead(node))) {
      if (!input) continue;
      const readers = this.#consumers.get(input);
      if (readers) readers.push(node);
      else this.#consumers.set(input, [node]);
    }
  }

  /** The node that makes a tensor; undefined for a graph input, a weight or an unknown name. */
  producer(tensor: string): NodeProto | undefined {
    return this.#producers.get(tensor);
  }

  /** The nodes that read a tensor, also those that do so in a branch (If, Loop). */
  consumers(tensor: string): readonly NodeProto[] {
    return this.#consumers.get(tensor) ?? [];
  }

  /** The weight of that name. */
  initializer(tensor: string): TensorProto | undefined {
    return this.#initializers.get(tensor);
  }

  /** Whether a tensor is a weight or the output of a Constant node. */
  isConstant(tensor: string): boolean {
    return this.#initializers.has(tensor) || this.#producers.get(tensor)?.opType === 'Constant';
  }

  /** The inputs that a run must be given: those without an initializer. */
  inputs(): ValueInfoProto[] {
    return this.proto.input.filter((input) => !this.#initializers.has(input.name));
  }

  /** All tensors whose values `tensor` is computed from, itself included. Where a node reads only a shape, it ends. */
  ancestors(tensor: string): Set<string> {
    const seen = new Set<string>([tensor]);
    const open = [tensor];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const producer = this.#producers.get(next);
      for (const input of producer && !readsOnlyShapes(producer) ? tensorsRead(producer) : []) {
        if (!input || seen.has(input)) continue;
        seen.add(input);
        open.push(input);
      }
    }
    return seen;
  }

  /** All tensors whose values depend on one of `tensors`, those included. Where a node reads only a shape, it ends. */
  descendants(tensors: readonly string[]): Set<string> {
    const seen = new Set<string>(tensors);
    const open = [...tensors];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      for (const node of this.consumers(next)) {
        if (readsOnlyShapes(node)) continue;
        for (const output of node.output) {
          if (!output || seen.has(output)) continue;
          seen.add(output);
          open.push(output);
        }
      }
    }
    return seen;
  }

  /** Adds a node with one output and returns the output's name. */
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

  /** Adds a node. `finish` puts it in its place in the order. */
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
      attribute: Object.entries(attributes).map(([name, value]) => newAttribute(name, value)),
    });
    this.proto.node.push(node);
    this.#index(node);
    return node;
  }

  /** Makes a node give its optional output number `index`, named `name` unless it has a name, and returns that name. */
  nameOutput(node: NodeProto, index: number, name: string): string {
    while (node.output.length <= index) node.output.push('');
    node.output[index] ||= name;
    this.#producers.set(node.output[index] ?? name, node);
    return node.output[index] ?? name;
  }

  /** Renames output number `index` of a node. Readers of the old name keep reading the old name. */
  renameOutput(node: NodeProto, index: number, name: string): string {
    this.#producers.delete(node.output[index] ?? '');
    node.output[index] = name;
    this.#producers.set(name, node);
    return name;
  }

  /** Sets or replaces an attribute. */
  setAttribute(node: NodeProto, name: string, value: AttributeValue): void {
    node.attribute = [...node.attribute.filter((entry) => entry.name !== name), newAttribute(name, value)];
  }

  /** Adds an int64 constant and returns its name; a number gives a scalar, a list a vector. */
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

  /** Adds a float32 scalar constant and returns its name. */
  float32(value: number): string {
    return this.#constant(create(TensorProtoSchema, { dataType: dataTypes.float32, floatData: [value] }));
  }

  /** Adds a float32 vector of that name, which the graph must not have yet, and returns the name. */
  floats(name: string, values: Float32Array): string {
    const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const dims = [BigInt(values.length)];
    return this.addInitializer(
      create(TensorProtoSchema, { name, dataType: dataTypes.float32, dims, rawData }),
    );
  }

  #constant(tensor: TensorProto): string {
    do tensor.name = `steerd/constant_${this.#constants++}`;
    while (this.#initializers.has(tensor.name));
    return this.addInitializer(tensor);
  }

  /** Adds a weight, whose name the graph must not have yet, and returns the name. */
  addInitializer(tensor: TensorProto): string {
    this.proto.initializer.push(tensor);
    this.#initializers.set(tensor.name, tensor);
    return tensor.name;
  }

  /** Makes `nodes` read `to` wherever they read `from`. */
  redirect(from: string, to: string, nodes: readonly NodeProto[]): void {
    for (const node of nodes) {
      replaceInput(node, from, to);
      this.#consumers.set(
        from,
        this.consumers(from).filter((reader) => reader !== node),
      );
      this.#consumers.set(to, [...this.consumers(to), node]);
    }
  }

  /** Sets input number `index` of a node; "" leaves it out. */
  setInput(node: NodeProto, index: number, tensor: string): void {
    const old = node.input[index] ?? '';
    node.input[index] = tensor;
    if (old && !tensorsRead(node).includes(old))
      this.#consumers.set(
        old,
        this.consumers(old).filter((reader) => reader !== node),
      );
    if (tensor && !this.consumers(tensor).includes(node))
      this.#consumers.set(tensor, [...this.consumers(tensor), node]);
  }

  /** Drops the declared shapes of inner tensors: runtimes plan memory by them, so that wrong ones do harm. */
  dropShapes(tensors: ReadonlySet<string>): void {
    this.proto.valueInfo = this.proto.valueInfo.filter((info) => !tensors.has(info.name));
  }

  /** @param shape sizes in digits, or names of sizes that are open */
  addInput(name: string, elementType: number, shape: readonly string[]): void {
    this.proto.input.push(newValueInfo(name, elementType, shape));
  }

  /** Turns the int64 input of that name, if there is one, into a constant. */
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

  /** @param shape sizes in digits, or names of sizes that are open */
  addOutput(name: string, elementType: number, shape: readonly string[]): void {
    this.proto.output.push(newValueInfo(name, elementType, shape));
  }

  /**
   * Sorts the nodes topologically, as ONNX requires, and drops nodes that no output depends on and weights that no node
   * reads. Call it after edits; it does not drop the index's entries of removed nodes.
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
        for (const input of tensorsRead(node).reverse())
          if (input) stack.push({ node: this.#producers.get(input), leaving: false });
      }
    }
    this.proto.node = order;
    const read = new Set([...order.flatMap(tensorsRead), ...this.proto.output.map((output) => output.name)]);
    this.proto.initializer = this.proto.initializer.filter((tensor) => read.has(tensor.name));
  }
}
