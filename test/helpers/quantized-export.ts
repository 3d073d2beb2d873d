/** The tiny Llama export with weights of few bits (ORT's MatMulNBits): what a q4 export of it would be. */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { Graph } from '../../src/onnx/graph/graph.js';
import { serializeModel } from '../../src/onnx/graph/model-file.js';
import { type TensorProto, TensorProto_DataType, TensorProtoSchema } from '../../src/onnx/schema/onnx_pb.js';
import { tinyModel } from './tiny-models.js';

export interface Quantization {
  readonly bits: 4 | 8;
  /** Weights along K that share a scale. */
  readonly block: number;
  /** `accuracy_level`; left out when undefined. */
  readonly level?: number | undefined;
}

/** Writes the export into a new folder. */
export async function writeQuantized(directory: string, quantization: Quantization): Promise<string> {
  const tiny = tinyModel('llama-genai');
  const weights = await readFile(join(tiny.directory, 'model.onnx.data'));
  const model = tiny.model();
  const graph = new Graph(model);
  for (const node of graph.proto.node.filter(({ opType }) => opType === 'MatMul')) {
    const weight = graph.initializer(node.input[1] ?? '');
    if (!weight) continue;
    const [k = 0, n = 0] = weight.dims.map(Number);
    const packed = pack(floatsOf(weight, weights), k, n, quantization);
    const { bits, block, level } = quantization;
    const blocks = Math.ceil(k / block);
    const name = `${weight.name}_q`;
    const { UINT8, FLOAT } = TensorProto_DataType;
    graph.proto.initializer.push(
      tensor(name, UINT8, [n, blocks, (block * bits) / 8], packed.values),
      tensor(`${name}_scale`, FLOAT, [n, blocks], new Uint8Array(packed.scales.buffer)),
    );
    node.opType = 'MatMulNBits';
    node.domain = 'com.microsoft';
    node.input = [node.input[0] ?? '', name, `${name}_scale`];
    const attributes = { K: k, N: n, bits, block_size: block };
    for (const [key, value] of Object.entries(attributes)) graph.setAttribute(node, key, value);
    if (level !== undefined) graph.setAttribute(node, 'accuracy_level', level);
  }
  const again = new Graph(model);
  again.finish();
  await mkdir(directory);
  for (const file of ['model.onnx.data', 'config.json', 'genai_config.json'])
    await copyFile(join(tiny.directory, file), join(directory, file));
  await writeFile(join(directory, 'model.onnx'), serializeModel(model));
  return directory;
}

function tensor(name: string, dataType: number, dims: readonly number[], rawData: Uint8Array): TensorProto {
  return create(TensorProtoSchema, { name, dataType, dims: dims.map(BigInt), rawData });
}

function floatsOf({ externalData }: TensorProto, weights: Buffer): Float32Array {
  const entry = (key: string) => Number(externalData.find((found) => found.key === key)?.value);
  const bytes = Uint8Array.from(weights.subarray(entry('offset'), entry('offset') + entry('length')));
  return new Float32Array(bytes.buffer);
}

/** From [K, N] to ORT's layout: blocks along K of every column, low bits first, zero in the middle of the range. */
function pack(values: Float32Array, k: number, n: number, { bits, block }: Quantization) {
  const blocks = Math.ceil(k / block);
  const middle = 2 ** (bits - 1);
  const perByte = 8 / bits;
  const packed = new Uint8Array((n * blocks * block) / perByte);
  const scales = new Float32Array(n * blocks);
  for (let column = 0; column < n; column++)
    for (let part = 0; part < blocks; part++) {
      const at = (i: number) => values[(part * block + i) * n + column] ?? 0;
      const largest = Math.max(...Array.from({ length: block }, (_, i) => Math.abs(at(i))), 1e-9);
      const scale = largest / (middle - 1);
      scales[column * blocks + part] = scale;
      for (let i = 0; i < block; i++) {
        const index = (column * blocks + part) * block + i;
        const level = Math.round(at(i) / scale) + middle;
        const byte = Math.floor(index / perByte);
        packed[byte] = (packed[byte] ?? 0) | (level << (bits * (index % perByte)));
      }
    }
  return { values: packed, scales };
}
