/** The tiny exports under test/fixtures (random weights, PyTorch goldens; test/fixtures/README.md). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeSafetensors } from '../../src/checkpoint/safetensors.js';
import { packageRoot } from '../../src/common/package.js';
import { parseModel } from '../../src/onnx/graph/model-file.js';
import type { ModelProto } from '../../src/onnx/schema/onnx_pb.js';

export const tinyNames = ['llama-genai', 'qwen3-genai'] as const;
export type TinyName = (typeof tinyNames)[number];

export const tinySize = {
  layers: 4,
  hidden: 64,
  heads: 4,
  kvHeads: 2,
  headSize: 16,
  vocabulary: 320,
} as const;

export interface TinyModel {
  readonly name: TinyName;
  readonly directory: string;
  /** A fresh copy of the export each time: tests edit it. */
  model(): ModelProto;
  golden(tensor: string): Float32Array<ArrayBuffer>;
  /** The prompts of row 0 (11 tokens) and row 1 (7 tokens). */
  readonly prompts: readonly [number[], number[]];
  /** Integer goldens such as `greedy.0`. */
  ids(tensor: string): number[];
}

export function tinyModel(name: TinyName): TinyModel {
  const directory = join(packageRoot, 'test/fixtures', name);
  const { tensors } = decodeSafetensors(readFileSync(join(directory, 'golden.safetensors')));
  const tensor = (key: string) => {
    const found = tensors.get(key);
    if (!found) throw new Error(`${name} has no golden ${key}; it has ${[...tensors.keys()].join(', ')}`);
    return found;
  };
  const ids = (key: string) => tensor(key).toNumbers();
  const file = join(directory, 'model.onnx');
  const bytes = readFileSync(file);
  return {
    name,
    directory,
    model: () => parseModel(bytes, file),
    golden: (key) => tensor(key).toFloat32(),
    prompts: [ids('input_ids.0'), ids('input_ids.1')],
    ids,
  };
}
