/** GGUF models against the safetensors checkpoint that they were converted from. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.js';
import { openCheckpoint } from '../../src/checkpoint/open-checkpoint.js';
import { packageRoot } from '../../src/common/package.js';
import { readTokenizer } from '../../src/text/huggingface-tokenizer.js';

const fixtures = join(packageRoot, 'test/fixtures/checkpoints');
let llama: Checkpoint;
let bf16: Checkpoint;
let q8: Checkpoint;
let scratch: string;

describe('GGUF models beside their checkpoint', () => {
  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'gguf-checkpoint-'));
    [llama, bf16, q8] = await Promise.all([
      openCheckpoint(join(fixtures, 'llama')),
      openCheckpoint(join(fixtures, 'llama-bf16.gguf')),
      openCheckpoint(join(fixtures, 'llama-q8_0.gguf')),
    ]);
  });

  after(async () => {
    await Promise.all([llama.close(), bf16.close(), q8.close()]);
    await rm(scratch, { recursive: true });
  });

  const whole = (checkpoint: Checkpoint, name: string): Promise<Float32Array> => {
    const tensor = checkpoint.tensors.get(name);
    assert.ok(tensor, name);
    return tensor.rows(0, tensor.shape.length < 2 ? 1 : (tensor.shape[0] ?? 0));
  };

  test('names and shapes are those of the safetensors checkpoint', () => {
    const shapes = ({ tensors }: Checkpoint) =>
      [...tensors].map(([name, { shape }]) => `${name} ${shape}`).sort();
    assert.deepEqual(shapes(bf16), shapes(llama));
    assert.deepEqual(shapes(q8), shapes(llama));
  });

  test('bf16 gives the values bit for bit, rows of queries and keys in their own order', async () => {
    for (const name of llama.tensors.keys()) {
      assert.deepEqual(await whole(bf16, name), await whole(llama, name), name);
    }
  });

  test('the bytes as they are stored are in the order of the rows as well', async () => {
    for (const name of ['model.layers.1.self_attn.q_proj.weight', 'model.layers.1.mlp.up_proj.weight']) {
      const [own, other] = [bf16.tensors.get(name), llama.tensors.get(name)];
      assert.deepEqual(await own?.raw(0, 64), await other?.raw(0, 64), name);
    }
  });

  test('any run of rows is that part of the whole', async () => {
    for (const checkpoint of [llama, bf16, q8]) {
      const tensor = checkpoint.tensors.get('model.layers.2.self_attn.q_proj.weight');
      const all = await whole(checkpoint, 'model.layers.2.self_attn.q_proj.weight');
      for (const [first, count] of [
        [0, 1],
        [3, 30],
        [15, 2],
        [63, 1],
        [16, 16],
      ] as const) {
        assert.deepEqual(await tensor?.rows(first, count), all.slice(first * 64, (first + count) * 64));
      }
    }
  });

  test('q8_0 differs by at most half a step of each block', async () => {
    for (const name of llama.tensors.keys()) {
      const [own, exact] = [await whole(q8, name), await whole(llama, name)];
      for (let at = 0; at < exact.length; at += 32) {
        const block = exact.subarray(at, at + 32);
        const step = block.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
        // The scale itself is rounded to a float16.
        block.forEach((value, i) => {
          assert.ok(Math.abs((own[at + i] ?? Number.NaN) - value) <= step * 0.57 + 1e-7, `${name} ${at + i}`);
        });
      }
    }
  });

  test("the configuration is Hugging Face's, as far as the file tells", () => {
    const keys = [
      'model_type',
      'architectures',
      'hidden_size',
      'intermediate_size',
      'num_hidden_layers',
      'num_attention_heads',
      'num_key_value_heads',
      'head_dim',
      'vocab_size',
      'max_position_embeddings',
      'rms_norm_eps',
      'tie_word_embeddings',
      'bos_token_id',
      'eos_token_id',
      'pad_token_id',
      'hidden_act',
      'attention_bias',
      'mlp_bias',
    ];
    const pick = (config: Checkpoint['config']) => Object.fromEntries(keys.map((key) => [key, config[key]]));
    assert.deepEqual(pick(bf16.config), pick(llama.config));
    assert.equal(bf16.config.rope_theta, 10_000);
  });

  test("Llama 3's frequencies come as the factors that its rule gives", () => {
    const { factor, low_freq_factor, high_freq_factor, original_max_position_embeddings } = llama.config
      .rope_parameters as Record<string, number>;
    const scaling = bf16.config.rope_scaling as { long_factor: number[]; attention_factor: number };
    const [low, high] = [low_freq_factor ?? 0, high_freq_factor ?? 0];
    const context = original_max_position_embeddings ?? 0;
    const expected = Array.from({ length: 8 }, (_, i) => {
      const wavelength = 2 * Math.PI * 10_000 ** ((2 * i) / 16);
      if (wavelength < context / high) return 1;
      if (wavelength > context / low) return factor ?? 0;
      const smooth = (context / wavelength - low) / (high - low);
      return 1 / ((1 - smooth) / (factor ?? 0) + smooth);
    });
    scaling.long_factor.forEach((value, i) => {
      assert.ok(Math.abs(value - (expected[i] ?? 0)) < 1e-5, `${i}: ${value} and ${expected[i]}`);
    });
    assert.equal(scaling.attention_factor, 1);
  });

  const texts = [
    'Tell me about your morning.',
    "It's 1234567 o'clock; I'LL be   there\n\n\tsoon.",
    'Grüße an Zoë — 東京タワー 🙂👍🏽',
    '<|user|>people and people</s><|assistant|>',
    ' leading and trailing ',
    '',
  ];

  test("the tokenizer made from the file's tables reads and writes as the checkpoint's own", async () => {
    for (const [name, load] of bf16.files) await writeFile(join(scratch, name), await load());
    const own = await readTokenizer(scratch);
    const expected = await readTokenizer(join(fixtures, 'llama'));
    assert.equal(own.vocabularySize, expected.vocabularySize);
    for (const text of texts) {
      assert.deepEqual(own.encode(text), expected.encode(text), text);
      assert.equal(own.decode(own.encode(text)), expected.decode(expected.encode(text)), text);
    }
    for (let id = 0; id < own.vocabularySize; id++) assert.equal(own.isSpecial(id), expected.isSpecial(id));
  });

  test('chat template and named tokens are those of the checkpoint', async () => {
    const template = await bf16.files.get('chat_template.jinja')?.();
    assert.equal(
      Buffer.from(template ?? []).toString(),
      await readFile(join(fixtures, 'llama/chat_template.jinja'), 'utf8'),
    );
    const config = JSON.parse(
      Buffer.from((await bf16.files.get('tokenizer_config.json')?.()) ?? []).toString(),
    );
    assert.deepEqual(
      [config.bos_token, config.eos_token, config.pad_token, config.model_max_length],
      ['<s>', '</s>', '<pad>', 512],
    );
    const generation = JSON.parse(
      Buffer.from((await bf16.files.get('generation_config.json')?.()) ?? []).toString(),
    );
    assert.deepEqual([generation.bos_token_id, generation.eos_token_id], [1, 2]);
  });
});
