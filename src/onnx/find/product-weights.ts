/** Where a model's large external weights lie (ONNX external data: location, offset, length). */

import { Graph } from '../graph/graph.js';
import type { ModelProto } from '../schema/onnx_pb.js';

export interface ExternalWeight {
  readonly name: string;
  /** File name, relative to the model's folder. */
  readonly location: string;
  readonly offset: number;
  readonly bytes: number;
  /** TensorProto.DataType. */
  readonly dataType: number;
  readonly shape: readonly number[];
}

/** Bytes of one element; undefined for types that share bytes between elements, and for strings. */
export function dataTypeBytes(dataType: number): number | undefined {
  return bytesOf.get(dataType);
}

const bytesOf: ReadonlyMap<number, number> = new Map([
  [1, 4], // float32
  [2, 1], // uint8
  [3, 1], // int8
  [10, 2], // float16
  [16, 2], // bfloat16
]);

/**
 * Kernels that pack weights and can do so once for several sessions, with the inputs that are such weights: MatMulNBits
 * packs its scales and zero points too. Some other kernels fail when asked.
 */
const packing: ReadonlyMap<string, readonly number[]> = new Map([
  ['MatMul', [1]],
  ['MatMulNBits', [1, 2, 3]],
]);
/** What may read such a weight beside them: these pack nothing. */
const harmless: ReadonlySet<string> = new Set(['Reshape', 'Gather', 'GatherBlockQuantized']);

/** The external weights of matrix products: nearly all there are. */
export function productWeights(model: ModelProto): ExternalWeight[] {
  const graph = new Graph(model);
  return graph.proto.initializer.flatMap(({ name, dims, dataType, externalData }) => {
    const readers = graph.consumers(name);
    const packed = readers.filter(({ opType, input }) =>
      packing.get(opType)?.some((index) => input[index] === name),
    );
    const others = readers.filter((node) => !packed.includes(node));
    if (packed.length === 0 || !others.every(({ opType }) => harmless.has(opType))) return [];
    const entry = (key: string) => externalData.find((found) => found.key === key)?.value;
    const [location, length] = [entry('location'), entry('length')];
    if (!location || !length) return [];
    const offset = Number(entry('offset') ?? 0);
    return [{ name, location, offset, bytes: Number(length), dataType, shape: dims.map(Number) }];
  });
}
