/**
 * Tensors over memory that JavaScript owns (zero copy, CPU), or in a device's memory. ORT keeps the raw pointer:
 * a Tensor holds its array, and whoever binds a Tensor holds the Tensor.
 */
import type { DeviceMemory } from './device.js';
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

const countOf = (shape: readonly number[]) => shape.reduce((product, dimension) => product * dimension, 1);

export class Tensor {
  /** Counts the changes of its contents: a device has a copy of its own. */
  #version = 0;

  private constructor(
    readonly handle: Handle,
    readonly shape: readonly number[],
    /** The array it lies over, null in a device's memory. Kept alive as long as the tensor. */
    readonly data: TensorArray | null,
    /** The tensor whose memory it shares. */
    readonly whole: Tensor | null = null,
  ) {}

  get version(): number {
    return this.#version;
  }

  /** The array was written to: bindings on a device must copy it again. */
  changed(): void {
    this.#version++;
  }

  /**
   * A tensor over the first `shape` elements of `data`; writes to the array are seen by the next run.
   * @throws RangeError when the array is too short, OrtError when ORT refuses.
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

  /** A tensor in a device's memory, of unspecified contents. @throws OrtError when there is too little. */
  static onDevice(memory: DeviceMemory, type: ElementType, shape: readonly number[]): Tensor {
    const dimensions = BigInt64Array.from(shape, BigInt);
    const handle = created(`create ${memory.device.name} tensor [${shape.join(', ')}]`, (out) =>
      api.CreateTensorAsOrtValue(memory.allocator, dimensions, shape.length, elementTypes[type].code, out),
    );
    return new Tensor(handle, shape, null);
  }

  /** The first `shape` elements of a tensor in a device's memory, as a tensor of their own. */
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

  /** The same memory as 32-bit words, which every kernel that copies knows. */
  static words(of: Tensor, type: ElementType, memory: DeviceMemory): Tensor {
    const count = (countOf(of.shape) * elementTypes[type].array.BYTES_PER_ELEMENT) / 4;
    if (!of.data) return Tensor.beginningOf(of, memory, 'int32', [count]);
    return Tensor.over(new Int32Array(of.data.buffer, of.data.byteOffset, count), 'int32', [count]);
  }

  /** A tensor over CPU memory at an address, which must stay there; `code` is an ONNXTensorElementDataType. */
  static at(address: Handle, bytes: number, code: number, shape: readonly number[]): Tensor {
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

/** A zeroed array with its own memory: small typed arrays may otherwise live inside V8's moving heap. */
export function ownArray<A extends TensorArray>(
  arrayType: { new (buffer: ArrayBuffer): A; BYTES_PER_ELEMENT: number },
  length: number,
): A {
  return new arrayType(new ArrayBuffer(length * arrayType.BYTES_PER_ELEMENT));
}
