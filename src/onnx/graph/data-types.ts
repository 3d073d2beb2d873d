/** The element types of tensors in a graph (ONNX: TensorProto.DataType). */

export const dataTypes = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
} as const;

const bytes: ReadonlyMap<number, number> = new Map([
  [dataTypes.float32, 4],
  [dataTypes.uint8, 1],
  [dataTypes.int8, 1],
  [dataTypes.float16, 2],
  [dataTypes.bfloat16, 2],
]);

/** Bytes of one element of a weight; undefined for types that weights of matrix products do not have. */
export function dataTypeBytes(dataType: number): number | undefined {
  return bytes.get(dataType);
}
