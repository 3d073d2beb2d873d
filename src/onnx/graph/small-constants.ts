/** Reads the values of small constants in a graph, such as scalars, axes and shapes. */
import { float16ToNumber } from '../../common/float16.js';
import type { TensorProto } from '../schema/onnx_pb.js';
import { dataTypes } from './data-types.js';
import type { Graph } from './graph.js';

/** Elements of the largest constant that is read. */
const longest = 64;

/** The value of a constant with one element; undefined for anything else. */
export function scalarOf(graph: Graph, tensor: string): number | undefined {
  const values = vectorOf(graph, tensor);
  return values?.length === 1 ? values[0] : undefined;
}

/** The values of a constant of any shape with at most 64 elements; undefined for anything else. */
export function vectorOf(graph: Graph, tensor: string): readonly number[] | undefined {
  const node = graph.producer(tensor);
  const made =
    node?.opType === 'Constant' ? node.attribute.find(({ name }) => name === 'value')?.t : undefined;
  const constant = graph.initializer(tensor) ?? made;
  const count = constant?.dims.reduce((product, size) => product * Number(size), 1) ?? 0;
  return constant && constant.externalData.length === 0 && count <= longest
    ? read(constant, count)
    : undefined;
}

function read(tensor: TensorProto, count: number): readonly number[] | undefined {
  const { dataType, rawData } = tensor;
  const raw = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
  const at = <T>(bytes: number, get: (offset: number) => T): T[] | undefined =>
    rawData.length === bytes * count ? Array.from({ length: count }, (_, i) => get(i * bytes)) : undefined;
  const values = (() => {
    if (dataType === dataTypes.float32)
      return tensor.floatData.length > 0 ? tensor.floatData : at(4, (offset) => raw.getFloat32(offset, true));
    if (dataType === dataTypes.int64)
      return tensor.int64Data.length > 0
        ? tensor.int64Data.map(Number)
        : at(8, (offset) => Number(raw.getBigInt64(offset, true)));
    if (dataType === dataTypes.float16)
      return (
        tensor.int32Data.length > 0 ? tensor.int32Data : at(2, (offset) => raw.getUint16(offset, true))
      )?.map(float16ToNumber);
    return undefined;
  })();
  return values?.length === count ? values : undefined;
}
