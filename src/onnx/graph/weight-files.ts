/** Whether the files that an export's weights lie in are there and long enough: a clear word before a runtime's own. */
import { open } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { fileKind } from '../../common/file-kind.js';
import type { ModelProto } from '../schema/onnx_pb.js';
import { OnnxError } from './model-file.js';

/** Of a file's beginning, to tell what it is. */
const headBytes = 4096;

/**
 * Only a file that a weight reaches out of is called by its kind (a Git LFS pointer, a web page): any bytes can be weights.
 * Files outside of the folder are left to those who refuse them.
 * @param directory that the weights' locations are relative to
 * @throws OnnxError naming the file that is missing or too short; the file system's error
 */
export async function checkWeightFiles(model: ModelProto, directory: string): Promise<void> {
  for (const [location, { end, name }] of farthest(model)) {
    const path = resolve(directory, location);
    if (path.startsWith(resolve(directory) + sep)) await checkLength(path, end, name);
  }
}

/** Of each file, the weight that reaches farthest into it. */
function farthest(model: ModelProto): Map<string, { end: number; name: string }> {
  const files = new Map<string, { end: number; name: string }>();
  for (const { name, externalData } of model.graph?.initializer ?? []) {
    const entry = (key: string) => externalData.find((found) => found.key === key)?.value;
    const location = entry('location');
    if (location === undefined) continue;
    const end = Number(entry('offset') ?? 0) + Number(entry('length') ?? 0);
    const known = files.get(location);
    if (known === undefined || end > known.end) files.set(location, { end, name });
  }
  return files;
}

async function checkLength(path: string, end: number, weight: string): Promise<void> {
  const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new OnnxError(`${path} is missing, and weights of the model lie in it`);
  });
  try {
    const { size } = await handle.stat();
    if (end <= size) return;
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    const kind = fileKind(buffer.subarray(0, bytesRead));
    throw new OnnxError(
      kind === null
        ? `${path} has ${size} bytes, and the weight ${JSON.stringify(weight.slice(0, 80))} ends at byte ${end}: the file was cut off, or belongs to another export`
        : `${path} holds no weights: the file is ${kind}`,
    );
  } finally {
    await handle.close();
  }
}
