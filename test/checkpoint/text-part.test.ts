/** The text part of multimodal checkpoints, by each place where transformers has put it, and what nested configurations leave out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeDecoder } from '../../src/build/describe.js';
import type { CheckpointTensor } from '../../src/checkpoint/checkpoint.js';
import { textPart } from '../../src/checkpoint/text-part.js';

const tensors = (...names: string[]): Map<string, CheckpointTensor> =>
  new Map(
    names.map((name) => {
      const rows = async () => new Float32Array(1);
      const raw = async () => new Uint8Array(4);
      return [name, { name, shape: [1], type: 'F32', rows, raw }];
    }),
  );

test('tensors of the text part have the names of a model of text alone, others are left out', () => {
  const own = ['model.embed_tokens.weight', 'model.layers.0.mlp.up_proj.weight', 'lm_head.weight'];
  const named: Readonly<Record<string, (name: string) => string>> = {
    'before transformers 4.52': (name) => `language_model.${name}`,
    since: (name) => name.replace(/^model\./, 'model.language_model.'),
    'Idefics 3, SmolVLM': (name) => name.replace(/^model\./, 'model.text_model.'),
  };
  for (const [when, rename] of Object.entries(named)) {
    const others = [
      'vision_tower.a.weight',
      'model.vision_model.b.weight',
      'multi_modal_projector.c',
      'model.connector.d',
    ];
    const config = { model_type: 'outer', eos_token_id: 7, text_config: { model_type: 'llama' } };
    const part = textPart('folder', config, tensors(...own.map(rename), ...others));
    assert.deepEqual([...part.tensors.keys()], own, when);
    assert.deepEqual(
      [...part.tensors.values()].map(({ name }) => name),
      own,
    );
    assert.deepEqual(part.config, { model_type: 'llama', eos_token_id: 7 });
  }
  const alone = { model_type: 'llama' };
  assert.deepEqual([...textPart('folder', alone, tensors(...own)).tensors.keys()], own);
  assert.throws(
    () => textPart('folder', { text_config: {} }, tensors('vision.a')),
    /not where others have it/,
  );
});

test('sizes that a nested configuration leaves out are those of the family', () => {
  const described = (config: object) => {
    const { hidden, intermediate, blocks, heads, kvHeads, headDim, context } = describeDecoder({
      config: { ...config },
      tensors: tensors('model.embed_tokens.weight'),
    });
    return [hidden, intermediate, blocks.length, heads, kvHeads, headDim, context];
  };
  // As in llava-1.5-7b, llava-v1.6-mistral-7b and gemma-3-4b.
  assert.deepEqual(
    described({ model_type: 'llama', max_position_embeddings: 4096, rms_norm_eps: 1e-5 }),
    [4096, 11_008, 32, 32, 32, 128, 4096],
  );
  assert.deepEqual(
    described({ model_type: 'mistral', max_position_embeddings: 32_768, sliding_window: null }),
    [4096, 14_336, 32, 32, 8, 128, 32_768],
  );
  assert.deepEqual(
    described({
      model_type: 'gemma3_text',
      hidden_size: 2560,
      intermediate_size: 10_240,
      num_hidden_layers: 34,
    }),
    [2560, 10_240, 34, 8, 4, 256, 131_072],
  );
});
