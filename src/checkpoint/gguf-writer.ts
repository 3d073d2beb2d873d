/** Writes the GGUF files that gguf.ts reads: version 3, little-endian. */
import { float32 } from './gguf.js';
import { defaultAlignment, magic, roundUp, valueType } from './gguf-head.js';

const writtenVersion = 3;

/** Writes one-dimensional float32 tensors; numbers of the metadata are written as uint32. */
export function encodeGguf(
  metadata: Readonly<Record<string, string | number>>,
  tensors: ReadonlyMap<string, Float32Array>,
): Uint8Array<ArrayBuffer> {
  const head: Buffer[] = [];
  const uint32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    head.push(bytes);
  };
  const uint64 = (value: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    head.push(bytes);
  };
  const string = (text: string) => {
    const bytes = Buffer.from(text);
    uint64(bytes.length);
    head.push(bytes);
  };
  uint32(magic);
  uint32(writtenVersion);
  uint64(tensors.size);
  uint64(Object.keys(metadata).length);
  for (const [key, value] of Object.entries(metadata)) {
    string(key);
    uint32(typeof value === 'string' ? valueType.string : valueType.uint32);
    if (typeof value === 'string') string(value);
    else uint32(value);
  }
  let offset = 0;
  const offsets: number[] = [];
  for (const [name, values] of tensors) {
    string(name);
    uint32(1);
    uint64(values.length);
    uint32(float32);
    uint64(offset);
    offsets.push(offset);
    offset += roundUp(values.byteLength, defaultAlignment);
  }
  const headBytes = Buffer.concat(head);
  const dataStart = roundUp(headBytes.length, defaultAlignment);
  const file = new Uint8Array(dataStart + offset);
  file.set(headBytes);
  [...tensors.values()].forEach((values, i) => {
    file.set(
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      dataStart + (offsets[i] ?? 0),
    );
  });
  return file;
}
