/** Reading and writing ONNX model files. Weights in external data files are never opened here. */
import { readFile } from 'node:fs/promises';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { GraphProtoSchema, type ModelProto, ModelProtoSchema, type TensorProto } from '../schema/onnx_pb.js';

/** A model that cannot be read or grafted: what was found and what was missing. */
export class OnnxError extends Error {
  override readonly name = 'OnnxError';
}

/** @throws OnnxError when the bytes are not an ONNX model with a graph. */
export function parseModel(bytes: Uint8Array, source: string): ModelProto {
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new OnnxError(`${source} is not an ONNX model: ${(cause as Error).message}`, { cause });
  }
  if (!model.graph) throw new OnnxError(`${source} is not an ONNX model: it has no graph`);
  return model;
}

/** @throws OnnxError, or the file system's error. */
export async function readModel(file: string): Promise<ModelProto> {
  return parseModel(await readFile(file), file);
}

/** Fields this version of the schema does not know survive a round trip. */
export function serializeModel(model: ModelProto): Uint8Array {
  return toBinary(ModelProtoSchema, model);
}

/** A graph with nothing in it yet, to be filled through `Graph`. */
export function newModel(name: string): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: 9n,
    opsetImport: [{ domain: '', version: 18n }],
    graph: create(GraphProtoSchema, { name }),
  });
}

/** Copy that can be edited without touching the original. */
export function cloneModel(model: ModelProto): ModelProto {
  return fromBinary(ModelProtoSchema, toBinary(ModelProtoSchema, model));
}

/** File names of the external weights, relative to the model's folder, each once. */
export function externalDataFiles(model: ModelProto): string[] {
  const location = (tensor: TensorProto) =>
    tensor.externalData.find((entry) => entry.key === 'location')?.value;
  const files = (model.graph?.initializer ?? []).map(location);
  return [...new Set(files.filter((file): file is string => file !== undefined))];
}
