/**
 * Tensors over memory that JavaScript owns (zero copy, CPU). ORT keeps the raw pointer: a Tensor holds its
 * array, and whoever binds a Tensor holds the Tensor.
 */
import { cpuMemory } from './environment.js';
import { api, type Handle } from './library.js';
import { created } from './status.js';

/** ONNXTensorElementDataType values (onnxruntime_c_api.h) with the typed arrays that carry them. */
export const elementTypes = {
  float32: { code: 1, array: Float32Array },
  int32: { code: 6, array: Int32Array },
  int64: { code: 7, array: BigInt64Array },
  bool: { code: 9, array: Uint8Array },
  /** Bits in 16-bit words: Node 20 has no Float16Array. */
  float16: { code: 10, array: Uint16Array },
  float64: { code: 11, array: Float64Array },
} as const;

export type ElementType = keyof typeof elementTypes;
export type TensorArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array | Uint16Array;

/** Name of an element type code; "type N" for those not listed above. */
export function elementTypeName(code: number): string {
  const found = Object.entries(elementTypes).find(([, type]) => type.code === code);
  return found ? found[0] : `type ${code}`;
}

export class Tensor {
  private constructor(
    readonly handle: Handle,
    readonly shape: readonly number[],
    /** Keeps the memory alive as long as the tensor. */
    readonly data: TensorArray,
  ) {}

  /**
   * A tensor over the first `shape` elements of `data`; writes to the array are seen by the next run.
   * @throws RangeError when the array is too short, OrtError when ORT refuses.
   */
  static over(data: TensorArray, type: ElementType, shape: readonly number[]): Tensor {
    const expected = elementTypes[type];
    if (!(data instanceof expected.array))
      throw new TypeError(`${type} needs ${expected.array.name}, not ${data.constructor.name}`);
    const count = shape.reduce((product, dimension) => product * dimension, 1);
    if (count > data.length)
      throw new RangeError(
        `shape [${shape.join(', ')}] needs ${count} elements, the array has ${data.length}`,
      );
    const dimensions = BigInt64Array.from(shape, BigInt);
    const handle = created(`create tensor [${shape.join(', ')}]`, (out) =>
      api.CreateTensorWithDataAsOrtValue(
        cpuMemory,
        data,
        count * data.BYTES_PER_ELEMENT,
        dimensions,
        shape.length,
        expected.code,
        out,
      ),
    );
    return new Tensor(handle, shape, data);
  }

  release(): void {
    api.ReleaseValue(this.handle);
  }
}

/** A zeroed array with its own memory: small typed arrays may otherwise live inside V8's moving heap. */
export function ownArray<A extends TensorArray>(
  arrayType: { new (buffer: ArrayBuffer): A; BYTES_PER_ELEMENT: number },
  length: number,
): A {
  return new arrayType(new ArrayBuffer(length * arrayType.BYTES_PER_ELEMENT));
}
