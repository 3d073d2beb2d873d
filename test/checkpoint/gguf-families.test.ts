/**
 * Every family through GGUF and back: written as llama.cpp's converter writes it (names, order of rows, norms, metadata),
 * read again, it is the safetensors checkpoint, tensor by tensor, and the same decoder.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeDecoder } from '../../src/build/describe.js';
import type { CheckpointTensor } from '../../src/checkpoint/checkpoint.js';
import { openCheckpoint } from '../../src/checkpoint/open-checkpoint.js';
import { checkpoints } from '../helpers/built-models.js';
import { ggufFile, type SampleTensor } from './gguf-sample.js';

interface Rules {
  readonly folder: string;
  readonly arch: string;
  readonly permutes?: boolean;
  readonly shift?: number;
  readonly names?: Readonly<Record<string, string>>;
}

const gemma = { pre_feedforward_layernorm: 'ffn_norm', post_attention_layernorm: 'post_attention_norm' };
const families: readonly Rules[] = [
  { folder: 'mistral', arch: 'llama', permutes: true },
  { folder: 'qwen2', arch: 'qwen2' },
  { folder: 'qwen3', arch: 'qwen3' },
  { folder: 'gemma2', arch: 'gemma2', shift: 1, names: gemma },
  { folder: 'gemma3', arch: 'gemma3', shift: 1, names: gemma },
  { folder: 'phi3', arch: 'phi3', names: { 'mlp.gate_up_proj': 'ffn_up' } },
  { folder: 'olmo2', arch: 'olmo2', names: { post_attention_layernorm: 'post_attention_norm' } },
  { folder: 'smollm3', arch: 'smollm3', permutes: true },
  { folder: 'granite', arch: 'granite', permutes: true },
];

const parts: Readonly<Record<string, string>> = {
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.qkv_proj': 'attn_qkv',
  'self_attn.o_proj': 'attn_output',
  'self_attn.q_norm': 'attn_q_norm',
  'self_attn.k_norm': 'attn_k_norm',
  post_attention_layernorm: 'ffn_norm',
  post_feedforward_layernorm: 'post_ffw_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
};
const outer: Readonly<Record<string, string>> = {
  'model.embed_tokens.weight': 'token_embd.weight',
  'model.norm.weight': 'output_norm.weight',
  'lm_head.weight': 'output.weight',
};

function ggufName(name: string, { names }: Rules): string {
  const [, layer, part = '', kind] = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name) ?? [];
  if (layer === undefined) return outer[name] ?? assert.fail(name);
  return `blk.${layer}.${names?.[part] ?? parts[part] ?? assert.fail(name)}.${kind}`;
}

async function written(tensor: CheckpointTensor, rules: Rules, headDim: number): Promise<SampleTensor> {
  const { name, shape } = tensor;
  const values = await tensor.rows(0, shape.length < 2 ? 1 : (shape[0] ?? 0));
  if (rules.shift && name.endsWith('norm.weight')) return { shape, values: values.map((value) => value + 1) };
  if (!rules.permutes || !/[qk]_proj/.test(name)) return { shape, values };
  // reshape(heads, 2, half, ...).swapaxes(1, 2)
  const width = shape.length < 2 ? 1 : (shape[1] ?? 1);
  const out = new Float32Array(values.length);
  for (let row = 0; row < (shape[0] ?? 0); row++) {
    const [head, place] = [Math.floor(row / headDim), row % headDim];
    const to = head * headDim + (place % (headDim / 2)) * 2 + Math.floor(place / (headDim / 2));
    out.set(values.subarray(row * width, (row + 1) * width), to * width);
  }
  return { shape, values: out };
}

for (const rules of families) {
  test(`${rules.folder} as ${rules.arch}`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'gguf-families-'));
    t.after(() => rm(folder, { recursive: true }));
    const original = await openCheckpoint(join(checkpoints, rules.folder));
    const { config, tensors } = original;
    const number = (key: string) => config[key] as number;
    const rope = (config.rope_parameters ?? {}) as Record<string, Record<string, number> & number>;
    const headDim = number('head_dim') || number('hidden_size') / number('num_attention_heads');
    const metadata: Record<string, unknown> = {
      block_count: number('num_hidden_layers'),
      context_length: number('max_position_embeddings'),
      embedding_length: number('hidden_size'),
      feed_forward_length: number('intermediate_size'),
      'attention.head_count': number('num_attention_heads'),
      'attention.head_count_kv': number('num_key_value_heads'),
      'attention.layer_norm_rms_epsilon': number('rms_norm_eps'),
      'attention.key_length': headDim,
      'attention.value_length': headDim,
      'rope.freq_base': rope.full_attention?.rope_theta ?? rope.rope_theta ?? number('rope_theta'),
      'rope.freq_base_swa': rope.sliding_attention?.rope_theta,
      'attention.sliding_window': /^(gemma|mistral)/.test(rules.folder)
        ? number('sliding_window')
        : undefined,
      'attention.sliding_window_pattern':
        rules.arch === 'gemma3'
          ? (config.layer_types as string[]).map((kind) => kind === 'sliding_attention')
          : undefined,
      attn_logit_softcapping: config.attn_logit_softcapping ?? undefined,
      final_logit_softcapping: config.final_logit_softcapping ?? undefined,
      'attention.scale': rules.shift ? number('query_pre_attn_scalar') ** -0.5 : config.attention_multiplier,
      embedding_scale: config.embedding_multiplier,
      residual_scale: config.residual_multiplier,
      logit_scale: config.logits_scaling,
    };
    const own = Object.entries(metadata).flatMap(([key, value]) =>
      value === undefined ? [] : [[`${rules.arch}.${key}`, value]],
    );
    const vocabulary = Array.from({ length: number('vocab_size') }, (_, id) => `t${id}`);
    const entries: [string, SampleTensor][] = [];
    for (const tensor of tensors.values()) {
      entries.push([ggufName(tensor.name, rules), await written(tensor, rules, headDim)]);
    }
    const path = join(folder, 'model.gguf');
    const head = {
      'general.architecture': rules.arch,
      ...(Object.fromEntries(own) as Record<string, number>),
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': 'gpt-2',
      'tokenizer.ggml.tokens': vocabulary,
      'tokenizer.ggml.merges': ['t 1'],
    };
    await writeFile(path, ggufFile(head, Object.fromEntries(entries)));
    const read = await openCheckpoint(path);
    try {
      assert.deepEqual([...read.tensors.keys()].sort(), [...tensors.keys()].sort());
      for (const [name, { shape, rows }] of tensors) {
        const count = shape.length < 2 ? 1 : (shape[0] ?? 0);
        const [mine, wanted] = [await read.tensors.get(name)?.rows(0, count), await rows(0, count)];
        assert.deepEqual(read.tensors.get(name)?.shape, shape, name);
        // One was added to norms in float32, and is taken off again.
        const far = mine?.findIndex((value, i) => !(Math.abs(value - (wanted[i] ?? Number.NaN)) < 1e-6));
        assert.equal(far, -1, name);
      }
      // A file does not tell which layers have no positions: every fourth, as in the model itself.
      const told = rules.arch === 'smollm3' ? { ...config, no_rope_layers: [1, 1, 1, 0] } : config;
      const [one, other] = [describeDecoder(read), describeDecoder({ config: told, tensors })];
      assert.deepEqual({ ...one, modelType: '' }, { ...other, modelType: '' });
    } finally {
      await read.close();
      await original.close();
    }
  });
}
