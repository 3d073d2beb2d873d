/** Reads the bytes of a weight, which lie in the message or in a file beside the model. */
import { open } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import type { TensorProto } from '../schema/onnx_pb.js';
import { OnnxError } from './model-file.js';

/**
 * @param directory that the weights' locations are relative to
 * @returns at least `bytes` bytes, in an ArrayBuffer of their own
 * @throws OnnxError when the weight is shorter or lies outside of the folder; the file system's error
 */
export async function weightBytes(
  tensor: TensorProto,
  directory: string,
  bytes: number,
): Promise<Uint8Array> {
  const entry = (key: string) => tensor.externalData.find((found) => found.key === key)?.value;
  const location = entry('location');
  const short = () =>
    new OnnxError(`the weight ${JSON.stringify(tensor.name)} has fewer than ${bytes} bytes`);
  if (location === undefined) {
    if (tensor.rawData.byteLength < bytes) throw short();
    return Uint8Array.from(tensor.rawData);
  }
  const path = resolve(directory, location);
  if (!path.startsWith(resolve(directory) + sep))
    throw new OnnxError(`the model's weights lie outside its folder: ${location}`);
  const handle = await open(path);
  try {
    const into = new Uint8Array(new ArrayBuffer(bytes));
    const offset = Number(entry('offset') ?? 0);
    for (let filled = 0; filled < bytes; ) {
      const { bytesRead } = await handle.read(into, filled, bytes - filled, offset + filled);
      if (bytesRead === 0) throw short();
      filled += bytesRead;
    }
    return into;
  } finally {
    await handle.close();
  }
}
