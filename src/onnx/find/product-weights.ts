/** The external weights of matrix products, with their places in the data files: nearly all weights of a model. */
import { Graph } from '../graph/graph.js';
import type { ModelProto } from '../schema/onnx_pb.js';

/** A weight in a file beside the model (ONNX external data). */
export interface ExternalWeight {
  readonly name: string;
  /** The file's path, relative to the model's folder. */
  readonly location: string;
  /** Where it begins in the file. */
  readonly offset: number;
  readonly bytes: number;
  /** TensorProto.DataType. */
  readonly dataType: number;
  readonly shape: readonly number[];
}

/**
 * Operators whose kernels prepack weights and can share them between sessions, with the numbers of those inputs:
 * MatMulNBits packs its scales and zero points too. Some other kernels fail when prepacked weights are shared.
 */
const packingInputs: ReadonlyMap<string, readonly number[]> = new Map([
  ['MatMul', [1]],
  ['MatMulNBits', [1, 2, 3]],
]);
/** Operators that may read such a weight as well, because their kernels pack nothing. */
const nonPacking: ReadonlySet<string> = new Set(['Reshape', 'Gather', 'GatherBlockQuantized']);

/** Only weights whose prepacked form sessions can share. */
export function productWeights(model: ModelProto): ExternalWeight[] {
  const graph = new Graph(model);
  return graph.proto.initializer.flatMap(({ name, dims, dataType, externalData }) => {
    const readers = graph.consumers(name);
    const packed = readers.filter(({ opType, input }) =>
      packingInputs.get(opType)?.some((index) => input[index] === name),
    );
    const others = readers.filter((node) => !packed.includes(node));
    if (packed.length === 0 || !others.every(({ opType }) => nonPacking.has(opType))) return [];
    const entry = (key: string) => externalData.find((found) => found.key === key)?.value;
    const [location, length] = [entry('location'), entry('length')];
    if (!location || !length) return [];
    const offset = Number(entry('offset') ?? 0);
    return [{ name, location, offset, bytes: Number(length), dataType, shape: dims.map(Number) }];
  });
}
