/** Writes a checkpoint of random weights, as large as is asked for: a Llama in bf16, sharded, with the embedded model's tokenizer. */
import { copyFile, mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/common/package.js';

export interface Size {
  readonly hidden: number;
  readonly intermediate: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly vocabulary: number;
  readonly shardBytes: number;
}

const gigabyte = 1e9;
const llama = { vocabulary: 128_256, kvHeads: 8, shardBytes: 5 * gigabyte };

export const sizes: Readonly<Record<string, Size>> = {
  '8b': { ...llama, hidden: 4096, intermediate: 14_336, layers: 32, heads: 32 },
  '3b': { ...llama, hidden: 3072, intermediate: 8192, layers: 28, heads: 24 },
  /** Seconds: for trying this out. */
  tiny: {
    hidden: 512,
    intermediate: 2048,
    layers: 24,
    heads: 8,
    kvHeads: 2,
    vocabulary: 49_152,
    shardBytes: 100e6,
  },
};

interface Shape {
  readonly name: string;
  readonly shape: readonly number[];
}

function tensorsOf({ hidden, intermediate, layers, heads, kvHeads, vocabulary }: Size): Shape[] {
  const headDim = hidden / heads;
  const layer = (at: string): [string, number[]][] => [
    [`${at}.input_layernorm.weight`, [hidden]],
    [`${at}.post_attention_layernorm.weight`, [hidden]],
    [`${at}.self_attn.q_proj.weight`, [hidden, hidden]],
    [`${at}.self_attn.k_proj.weight`, [kvHeads * headDim, hidden]],
    [`${at}.self_attn.v_proj.weight`, [kvHeads * headDim, hidden]],
    [`${at}.self_attn.o_proj.weight`, [hidden, hidden]],
    [`${at}.mlp.gate_proj.weight`, [intermediate, hidden]],
    [`${at}.mlp.up_proj.weight`, [intermediate, hidden]],
    [`${at}.mlp.down_proj.weight`, [hidden, intermediate]],
  ];
  const all: [string, number[]][] = [
    ['model.embed_tokens.weight', [vocabulary, hidden]],
    ...Array.from({ length: layers }, (_, i) => layer(`model.layers.${i}`)).flat(),
    ['model.norm.weight', [hidden]],
    ['lm_head.weight', [vocabulary, hidden]],
  ];
  return all.map(([name, shape]) => ({ name, shape }));
}

const bytesOf = ({ shape }: Shape): number => shape.reduce((product, size) => product * size, 2);

/** Random weights in bf16, to be begun with at any place: as many as a tensor needs would take longer than its import. */
function noise(): Buffer {
  const values = new Float32Array(4 * 1024 ** 2);
  for (let i = 0; i < values.length; i += 2) {
    const radius = 0.02 * Math.sqrt(-2 * Math.log(1 - Math.random()));
    const angle = 2 * Math.PI * Math.random();
    values[i] = radius * Math.cos(angle);
    values[i + 1] = radius * Math.sin(angle);
  }
  const bits = new Uint32Array(values.buffer);
  return Buffer.from(Uint16Array.from(bits, (word) => word >>> 16).buffer);
}

/** @returns bytes of all, and of the largest tensor */
export async function writeCheckpoint(folder: string, size: Size): Promise<{ all: number; largest: number }> {
  await mkdir(folder, { recursive: true });
  const tensors = tensorsOf(size);
  const shards: Shape[][] = [[]];
  let filled = 0;
  for (const tensor of tensors) {
    if (filled > 0 && filled + bytesOf(tensor) > size.shardBytes) {
      shards.push([]);
      filled = 0;
    }
    shards.at(-1)?.push(tensor);
    filled += bytesOf(tensor);
  }
  const random = noise();
  const map: Record<string, string> = {};
  const number = (value: number) => String(value).padStart(5, '0');
  for (const [index, shard] of shards.entries()) {
    const file = `model-${number(index + 1)}-of-${number(shards.length)}.safetensors`;
    for (const { name } of shard) map[name] = file;
    await writeShard(join(folder, file), shard, random);
  }
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_act: 'silu',
    hidden_size: size.hidden,
    intermediate_size: size.intermediate,
    num_hidden_layers: size.layers,
    num_attention_heads: size.heads,
    num_key_value_heads: size.kvHeads,
    vocab_size: size.vocabulary,
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-5,
    rope_theta: 500_000,
    tie_word_embeddings: false,
    torch_dtype: 'bfloat16',
  };
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  await writeFile(
    join(folder, 'model.safetensors.index.json'),
    JSON.stringify({ metadata: {}, weight_map: map }),
  );
  for (const file of ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'])
    await copyFile(join(packageRoot, 'models/smollm2-135m-instruct', file), join(folder, file));
  const bytes = tensors.map(bytesOf);
  return { all: bytes.reduce((sum, one) => sum + one, 0), largest: Math.max(...bytes) };
}

async function writeShard(path: string, tensors: readonly Shape[], random: Buffer): Promise<void> {
  const header: Record<string, unknown> = {};
  let end = 0;
  for (const tensor of tensors) {
    const start = end;
    end += bytesOf(tensor);
    header[tensor.name] = { dtype: 'BF16', shape: tensor.shape, data_offsets: [start, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([text, Buffer.alloc((8 - (text.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const file = await open(path, 'w');
  try {
    await file.write(Buffer.concat([length, padded]));
    for (const tensor of tensors)
      for (let left = bytesOf(tensor); left > 0; ) {
        const from = 2 * Math.floor(Math.random() * 65_536);
        const part = random.subarray(from, from + Math.min(left, random.length - from));
        await file.write(part);
        left -= part.length;
      }
  } finally {
    await file.close();
  }
}
