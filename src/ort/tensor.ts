/**
 * Tensors over JavaScript's arrays, without a copy, or in a device's memory. ORT keeps a raw pointer to the array: a
 * Tensor keeps a reference to it, and whoever binds a Tensor must keep a reference to the Tensor.
 */
import type { DeviceMemory } from './device.js';
import { cpuMemory } from './environment.js';
import { api, type Handle } from './library.js';
import { created } from './status.js';

/** Element types: their codes (ONNXTensorElementDataType in onnxruntime_c_api.h) and their typed arrays. */
export const elementTypes = {
  float32: { code: 1, array: Float32Array },
  int8: { code: 3, array: Int8Array },
  int32: { code: 6, array: Int32Array },
  int64: { code: 7, array: BigInt64Array },
  bool: { code: 9, array: Uint8Array },
  /** The bits of each number: Node 20 has no Float16Array. */
  float16: { code: 10, array: Uint16Array },
  float64: { code: 11, array: Float64Array },
} as const;

export type ElementType = keyof typeof elementTypes;
export type TensorArray =
  | Float32Array
  | Float64Array
  | Int32Array
  | BigInt64Array
  | Int8Array
  | Uint8Array
  | Uint16Array;

/** The name of an element type's code; "type N" for one that elementTypes does not list. */
export function elementTypeName(code: number): string {
  const found = Object.entries(elementTypes).find(([, type]) => type.code === code);
  return found ? found[0] : `type ${code}`;
}

/** Number of elements. */
const countOf = (shape: readonly number[]) => shape.reduce((product, dimension) => product * dimension, 1);

export class Tensor {
  /** Counts the changes to the array: a session on a device has a copy of it. */
  #version = 0;

  private constructor(
    readonly handle: Handle,
    readonly shape: readonly number[],
    /** The array that holds its elements; null for other memory. */
    readonly data: TensorArray | null,
    /** The tensor that owns its memory, if that is another one: it must not be garbage-collected. */
    readonly owner: Tensor | null = null,
  ) {}

  get version(): number {
    return this.#version;
  }

  /** Call it after the array was written to: bindings on a device then copy it again. */
  changed(): void {
    this.#version++;
  }

  /**
   * A tensor over the beginning of `data`, as many elements as `shape` has. The next run sees what is written there.
   * @throws TypeError for an array of another type, RangeError when the array is too short, OrtError
   */
  static over(data: TensorArray, type: ElementType, shape: readonly number[]): Tensor {
    const expected = elementTypes[type];
    if (!(data instanceof expected.array))
      throw new TypeError(`${type} needs ${expected.array.name}, not ${data.constructor.name}`);
    const count = countOf(shape);
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

  /** A tensor in a device's memory, its contents unspecified. @throws OrtError when there is too little memory */
  static onDevice(memory: DeviceMemory, type: ElementType, shape: readonly number[]): Tensor {
    const dimensions = BigInt64Array.from(shape, BigInt);
    const handle = created(`create ${memory.device.name} tensor [${shape.join(', ')}]`, (out) =>
      api.CreateTensorAsOrtValue(memory.allocator, dimensions, shape.length, elementTypes[type].code, out),
    );
    return new Tensor(handle, shape, null);
  }

  /**
   * A tensor over the beginning of another one in a device's memory, as many elements as `shape` has.
   * @throws OrtError
   */
  static beginningOf(
    whole: Tensor,
    memory: DeviceMemory,
    type: ElementType,
    shape: readonly number[],
  ): Tensor {
    const { code, array } = elementTypes[type];
    const address = created('find tensor data', (out) => api.GetTensorMutableData(whole.handle, out));
    const dimensions = BigInt64Array.from(shape, BigInt);
    const bytes = countOf(shape) * array.BYTES_PER_ELEMENT;
    const handle = created(`share ${memory.device.name} tensor [${shape.join(', ')}]`, (out) =>
      api.CreateTensorWithDataAsOrtValue(memory.info, address, bytes, dimensions, shape.length, code, out),
    );
    return new Tensor(handle, shape, null, whole);
  }

  /** A tensor over the same memory as int32 [n], a type that all copying kernels support. @throws OrtError */
  static words(of: Tensor, type: ElementType, memory: DeviceMemory): Tensor {
    const count = (countOf(of.shape) * elementTypes[type].array.BYTES_PER_ELEMENT) / 4;
    if (!of.data) return Tensor.beginningOf(of, memory, 'int32', [count]);
    return Tensor.over(new Int32Array(of.data.buffer, of.data.byteOffset, count), 'int32', [count]);
  }

  /**
   * A tensor over CPU memory at an address, which must stay valid.
   * @param code an ONNXTensorElementDataType
   * @throws OrtError
   */
  static atAddress(address: Handle, bytes: number, code: number, shape: readonly number[]): Tensor {
    const dimensions = BigInt64Array.from(shape, BigInt);
    const handle = created(`create tensor [${shape.join(', ')}]`, (out) =>
      api.CreateTensorWithDataAsOrtValue(cpuMemory, address, bytes, dimensions, shape.length, code, out),
    );
    return new Tensor(handle, shape, null);
  }

  release(): void {
    api.ReleaseValue(this.handle);
  }
}

/**
 * A zeroed array with an ArrayBuffer of its own: V8 may otherwise put a small one on its heap, where it can be moved.
 */
export function ownArray<A extends TensorArray>(
  arrayType: { new (buffer: ArrayBuffer): A; BYTES_PER_ELEMENT: number },
  length: number,
): A {
  return new arrayType(new ArrayBuffer(length * arrayType.BYTES_PER_ELEMENT));
}
