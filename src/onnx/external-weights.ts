/** Where a model's external weights lie (ONNX external data: location, offset, length). */
import type { ModelProto } from './schema/onnx_pb.js';

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

export function externalWeights(model: ModelProto): ExternalWeight[] {
  return (model.graph?.initializer ?? []).flatMap(({ name, dims, dataType, externalData }) => {
    const entry = (key: string) => externalData.find((found) => found.key === key)?.value;
    const [location, length] = [entry('location'), entry('length')];
    if (!location || !length) return [];
    const offset = Number(entry('offset') ?? 0);
    return [{ name, location, offset, bytes: Number(length), dataType, shape: dims.map(Number) }];
  });
}
