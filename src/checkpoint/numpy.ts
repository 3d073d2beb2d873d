/**
 * NumPy's files: `.npy`, one array (numpy.lib.format, versions 1.0 to 3.0), and `.npz`, a zip of those, stored or deflated. Pickled
 * arrays are refused: they could run code. Written are little-endian arrays in C order.
 */
import { type UnzipFileInfo, unzipSync, zipSync } from 'fflate';
import { float16ToNumber } from '../common/float16.js';

export class NumpyError extends Error {
  override readonly name = 'NumpyError';
}

/** An array of a file. */
export interface NumpyArray {
  readonly shape: readonly number[];
  /** NumPy's name of the element type, such as "<f4". */
  readonly descr: string;
  /** A copy of the values, in C order, as float32. @throws NumpyError for 64-bit integers, whose values float32 would change */
  toFloat32(): Float32Array<ArrayBuffer>;
  /** A copy of the values as numbers, in C order. @throws NumpyError for an integer beyond 2^53 */
  toNumbers(): number[];
}

/** An array to write. */
export interface NumpyData {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

const magic = Buffer.from('\x93NUMPY', 'latin1');
/** Of a header: an honest one has some hundred. */
const mostHeaderBytes = 1024 ** 2;
const mostDimensions = 8;

/** What reads one element: bytes, and from a view at an offset, little-endian or not. */
const elements: Readonly<
  Record<
    string,
    {
      readonly bytes: number;
      readonly read: (view: DataView, at: number, little: boolean) => number | bigint;
    }
  >
> = {
  f2: { bytes: 2, read: (view, at, little) => float16ToNumber(view.getUint16(at, little)) },
  f4: { bytes: 4, read: (view, at, little) => view.getFloat32(at, little) },
  f8: { bytes: 8, read: (view, at, little) => view.getFloat64(at, little) },
  i1: { bytes: 1, read: (view, at) => view.getInt8(at) },
  i2: { bytes: 2, read: (view, at, little) => view.getInt16(at, little) },
  i4: { bytes: 4, read: (view, at, little) => view.getInt32(at, little) },
  i8: { bytes: 8, read: (view, at, little) => view.getBigInt64(at, little) },
  u1: { bytes: 1, read: (view, at) => view.getUint8(at) },
  u2: { bytes: 2, read: (view, at, little) => view.getUint16(at, little) },
  u4: { bytes: 4, read: (view, at, little) => view.getUint32(at, little) },
  u8: { bytes: 8, read: (view, at, little) => view.getBigUint64(at, little) },
};

/** @throws NumpyError */
export function decodeNpy(bytes: Uint8Array, name = 'the array'): NumpyArray {
  const refuse = (what: string) => new NumpyError(`${name} ${what}`);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < 10 || !buffer.subarray(0, magic.length).equals(magic))
    throw refuse('is no .npy file: it does not begin with \\x93NUMPY');
  const version = buffer[6] as number;
  if (version < 1 || version > 3) throw refuse(`has format version ${version}, and 1 to 3 are known`);
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? buffer.readUInt16LE(8) : buffer.length < 12 ? 0 : buffer.readUInt32LE(8);
  if (length > mostHeaderBytes || start + length > buffer.length) throw refuse('ends within its header');
  const header = buffer.toString(version === 3 ? 'utf8' : 'latin1', start, start + length);
  const descr = /['"]descr['"]\s*:\s*['"]([^'"]*)['"]/.exec(header)?.[1];
  const fortran = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(header)?.[1];
  const sizes = /['"]shape['"]\s*:\s*\(([\d\s,L]*)\)/.exec(header)?.[1];
  if (descr === undefined || fortran === undefined || sizes === undefined)
    throw refuse(
      'has a header that does not say descr, fortran_order and shape; structured arrays are not read',
    );
  const [, order, kind = ''] = /^([<>|=])?([a-zA-Z]\d*)$/.exec(descr) ?? [];
  const element = elements[kind];
  if (element === undefined) {
    const code = kind.startsWith('O') ? ', which is a pickle and could run code when read' : '';
    throw refuse(`is of type "${descr}"${code}; floats of 16 to 64 bits and integers are read`);
  }
  const shape = sizes
    .split(',')
    .map((size) => size.replace('L', '').trim())
    .filter((size) => size !== '')
    .map(Number);
  const count = shape.reduce((product, size) => product * size, 1);
  if (shape.length > mostDimensions || !Number.isSafeInteger(count))
    throw refuse(`has a shape (${sizes}) that no file holds`);
  const data = buffer.subarray(start + length);
  if (data.length !== count * element.bytes)
    throw refuse(
      `is (${shape.join(', ')}) of "${descr}" and needs ${count * element.bytes} bytes of data; it has ${data.length}`,
    );
  const little = order !== '>';
  /** Where the i-th element in C order lies. */
  const place = fortran === 'True' && shape.length > 1 ? fortranPlaces(shape) : (i: number) => i;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const at = (i: number) => element.read(view, place(i) * element.bytes, little);
  const isLong = kind === 'i8' || kind === 'u8';
  return {
    shape,
    descr,
    toFloat32() {
      if (isLong) throw refuse('is of 64-bit integers and cannot be read as float32 without loss');
      if (kind === 'f4' && little && fortran !== 'True') return new Float32Array(new Uint8Array(data).buffer);
      return Float32Array.from({ length: count }, (_, i) => Number(at(i)));
    },
    toNumbers() {
      const numbers = Array.from({ length: count }, (_, i) => Number(at(i)));
      if (isLong && !numbers.every(Number.isSafeInteger)) throw refuse('has a value beyond 2^53');
      return numbers;
    },
  };
}

/** From an index in C order, the last axis fastest, to the place in Fortran order, the first axis fastest. */
function fortranPlaces(shape: readonly number[]): (i: number) => number {
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, size) => product * size, 1));
  return (i) => {
    let rest = i;
    let place = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = shape[axis] as number;
      place += (rest % size) * (strides[axis] as number);
      rest = Math.floor(rest / size);
    }
    return place;
  };
}

/** @throws NumpyError when data and shape disagree */
export function encodeNpy({ shape, data }: NumpyData): Uint8Array<ArrayBuffer> {
  const count = shape.reduce((product, size) => product * size, 1);
  if (count !== data.length)
    throw new NumpyError(`(${shape.join(', ')}) needs ${count} numbers; received ${data.length}`);
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const descr = data instanceof Float32Array ? '<f4' : '<i4';
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${tuple}), }`;
  // The data begins at a multiple of 64, as numpy writes it.
  const start = Math.ceil((10 + header.length + 1) / 64) * 64;
  const file = new Uint8Array(start + data.byteLength).fill(0x20, 10, start);
  file.set(magic);
  file.set([1, 0], 6);
  new DataView(file.buffer).setUint16(8, start - 10, true);
  file.set(Buffer.from(header, 'latin1'), 10);
  file[start - 1] = 0x0a;
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  return file;
}

/** Stored, not deflated, as `numpy.savez` does; the same arrays give the same bytes. @throws NumpyError */
export function encodeNpz(arrays: Readonly<Record<string, NumpyData>>): Uint8Array<ArrayBuffer> {
  const files = Object.fromEntries(
    Object.entries(arrays).map(([name, array]) => [`${name}.npy`, encodeNpy(array)]),
  );
  return zipSync(files, { level: 0, mtime: new Date(1980, 0, 1) });
}

interface NpzLimits {
  /** Of all arrays that are read, unpacked. */
  readonly mostBytes: number;
  /** Which arrays; all by default. */
  readonly wanted?: (name: string) => boolean;
}

/**
 * The arrays of an archive by their names, without `.npy`.
 * @throws NumpyError also for an archive that unpacks to more than `mostBytes`, before it is unpacked
 */
export function decodeNpz(
  bytes: Uint8Array,
  { mostBytes, wanted = () => true }: NpzLimits,
): Map<string, NumpyArray> {
  let total = 0;
  const filter = ({ name, originalSize }: UnzipFileInfo) => {
    const is = name.endsWith('.npy') && wanted(name.slice(0, -4));
    total += is ? originalSize : 0;
    if (total > mostBytes) throw new NumpyError(`unpacks to more than ${mostBytes} bytes`);
    return is;
  };
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, { filter });
  } catch (error) {
    throw error instanceof NumpyError
      ? error
      : new NumpyError(`is no .npz file: ${(error as Error).message}`);
  }
  return new Map(
    Object.entries(files).map(([file, array]) => {
      const name = file.slice(0, -4);
      return [name, decodeNpy(array, `array ${JSON.stringify(name.slice(0, 80))}`)];
    }),
  );
}
