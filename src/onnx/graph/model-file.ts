/** Reads and writes ONNX model files. External data files with weights are not opened. */
import { readFile } from 'node:fs/promises';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { fileKind } from '../../common/file-kind.js';
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
} from '../schema/onnx_pb.js';

/** A model that cannot be read or rewritten; the message says what was found or missing. */
export class OnnxError extends Error {
  override readonly name = 'OnnxError';
}

/**
 * @param source the file's name, for the message
 * @throws OnnxError when the bytes are not an ONNX model with a graph
 */
export function parseModel(bytes: Uint8Array, source: string): ModelProto {
  const kind = fileKind(bytes);
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    const reason = kind === null ? (cause as Error).message : `the file is ${kind}`;
    throw new OnnxError(`${source} is not an ONNX model: ${reason}`, { cause });
  }
  if (!model.graph) {
    const reason = kind === null ? 'it has no graph' : `the file is ${kind}`;
    throw new OnnxError(`${source} is not an ONNX model: ${reason}`);
  }
  return model;
}

/** @throws OnnxError when the file is not an ONNX model with a graph; the file system's error */
export async function readModel(file: string): Promise<ModelProto> {
  return parseModel(await readFile(file), file);
}

/** The model as protobuf. Fields that this version of the schema does not have are kept. */
export function serializeModel(model: ModelProto): Uint8Array {
  return toBinary(ModelProtoSchema, model);
}

/** A model with an empty graph, to be filled through `Graph`. */
export function newModel(name: string): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: 9n,
    opsetImport: [{ domain: '', version: 18n }],
    graph: create(GraphProtoSchema, { name }),
  });
}

/** Lets a model's graph have the operators of com.microsoft. */
export function importMicrosoft({ opsetImport }: ModelProto): void {
  const domain = 'com.microsoft';
  if (!opsetImport.some((entry) => entry.domain === domain))
    opsetImport.push(create(OperatorSetIdProtoSchema, { domain, version: 1n }));
}

/** A deep copy. */
export function cloneModel(model: ModelProto): ModelProto {
  return fromBinary(ModelProtoSchema, toBinary(ModelProtoSchema, model));
}

/** The names of the files with external data, relative to the model's folder, without duplicates. */
export function externalDataFiles(model: ModelProto): string[] {
  const location = (tensor: TensorProto) =>
    tensor.externalData.find((entry) => entry.key === 'location')?.value;
  const files = (model.graph?.initializer ?? []).map(location);
  return [...new Set(files.filter((file): file is string => file !== undefined))];
}
