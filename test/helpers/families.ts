/** Exports of many families and tools under test/fixtures, each with PyTorch's goldens (test/fixtures/README.md). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeSafetensors } from '../../src/checkpoint/safetensors.js';
import { packageRoot } from '../../src/common/package.js';
import type { ActivationEdit } from '../../src/engine/protocol.js';

export interface Family {
  readonly name: string;
  /** What sets its graph apart. */
  readonly structure: string;
  /** How far the export itself is from PyTorch. */
  readonly tolerance: number;
  /** Where keys and values are while it serves; `rewritten`: in place, though the export concatenates them. */
  readonly layout: 'in place' | 'rewritten' | 'concatenated';
  /** It cannot be given a prompt in pieces. */
  readonly wholePrompts?: true;
}

const exact = 1e-4;
/** ORT's approximate Gelu. */
const gelu = 3e-3;
const half = 1e-2;

export const families: readonly Family[] = [
  { name: 'llama-genai', structure: 'fused skip norms, packed qkv', tolerance: exact, layout: 'in place' },
  { name: 'qwen3-genai', structure: 'norms of q and k', tolerance: exact, layout: 'in place' },
  { name: 'phi3-genai', structure: 'fused qkv and gate_up weights', tolerance: exact, layout: 'in place' },
  { name: 'gemma2-genai', structure: 'sandwich norms, softcaps', tolerance: gelu, layout: 'in place' },
  { name: 'phi-genai', structure: 'attention and MLP side by side', tolerance: gelu, layout: 'in place' },
  {
    name: 'qwen2-genai-fp16',
    structure: 'half precision, MultiHeadAttention, biases',
    tolerance: half,
    layout: 'concatenated',
    wholePrompts: true,
  },
  { name: 'llama-optimum', structure: 'decomposed norms', tolerance: exact, layout: 'rewritten' },
  {
    name: 'gpt2-optimum',
    structure: 'layer norms, learned positions, a reshape before the head',
    tolerance: exact,
    layout: 'rewritten',
  },
  { name: 'mistral-optimum', structure: 'a sliding window', tolerance: exact, layout: 'rewritten' },
  {
    name: 'gemma3-optimum',
    structure: 'sandwich norms, sliding and full attention',
    tolerance: exact,
    layout: 'rewritten',
  },
  {
    name: 'olmo2-optimum',
    structure: 'norms after the sublayers only',
    tolerance: exact,
    layout: 'rewritten',
  },
];

export interface Goldens {
  readonly directory: string;
  floats(tensor: string): Float32Array;
  ids(tensor: string): number[];
  /** Row b of the golden edit; `times` 0 keeps its directions and lets them do nothing. */
  edit(row: number, times?: number): ActivationEdit;
}

export function goldensOf({ name }: Pick<Family, 'name'>): Goldens {
  const directory = join(packageRoot, 'test/fixtures', name);
  const { tensors } = decodeSafetensors(readFileSync(join(directory, 'golden.safetensors')));
  const tensor = (key: string) => {
    const found = tensors.get(key);
    if (!found) throw new Error(`${name} has no golden ${key}`);
    return found;
  };
  const floats = (key: string) => tensor(key).toFloat32();
  return {
    directory,
    floats,
    ids: (key) => tensor(key).toNumbers(),
    edit: (row, times = 1) => {
      const [layers = 0, , , hidden = 0] = tensor('steering_vectors').shape;
      const [vectors, add, scale] = ['vectors', 'add', 'scale'].map((part) => floats(`steering_${part}`));
      return [0, 1].map((k) => {
        const pick = (from: Float32Array | undefined, width: number, factor: number) => {
          const result = new Float32Array(new SharedArrayBuffer(layers * width * 4));
          for (let layer = 0; layer < layers; layer++)
            for (let i = 0; i < width; i++)
              result[layer * width + i] = factor * (from?.[((layer * 2 + row) * 2 + k) * width + i] ?? 0);
          return result;
        };
        return {
          vectors: pick(vectors, hidden, 1),
          add: pick(add, 1, times),
          scale: pick(scale, 1, times),
          from: 0,
          to: Number.POSITIVE_INFINITY,
        };
      });
    },
  };
}
