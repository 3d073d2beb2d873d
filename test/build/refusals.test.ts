/** What no graph can be built from is refused by name, before anything is written. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildSize } from '../../src/build/build-model.js';
import type { Checkpoint, CheckpointTensor } from '../../src/checkpoint/checkpoint.js';
import { openCheckpoint } from '../../src/checkpoint/open-checkpoint.js';
import type { SteerdError } from '../../src/errors.js';
import { checkpoints } from '../helpers/built-models.js';

const llama = await openCheckpoint(join(checkpoints, 'llama'));
const without = (...names: string[]) => new Map([...llama.tensors].filter(([name]) => !names.includes(name)));
const shaped = (name: string, shape: readonly number[]) => {
  const tensor = llama.tensors.get(name) as CheckpointTensor;
  return new Map([...llama.tensors, [name, { ...tensor, shape }]]);
};

const cases: readonly (readonly [
  what: string,
  change: { config?: Record<string, unknown>; tensors?: Checkpoint['tensors'] },
  code: string,
  message: RegExp,
])[] = [
  [
    'an architecture without a description',
    { config: { model_type: 'mamba', architectures: ['MambaForCausalLM'] } },
    'model_unsupported',
    /MambaForCausalLM.*mamba.*no description.*llama, mistral/,
  ],
  [
    'a mixture of experts',
    { config: { model_type: 'mixtral', architectures: ['MixtralForCausalLM'], num_local_experts: 8 } },
    'model_unsupported',
    /MixtralForCausalLM.*mixture of experts \(num_local_experts 8\)/,
  ],
  [
    'weights that are quantised already',
    { config: { quantization_config: { quant_method: 'gptq' } } },
    'model_unsupported',
    /quantised by "gptq"/,
  ],
  [
    'rotary scaling of an unknown kind',
    { config: { rope_parameters: { rope_type: 'spiral', rope_theta: 1e4 } } },
    'model_unsupported',
    /rotary scaling "spiral"/,
  ],
  ['an unknown activation', { config: { hidden_act: 'relu2' } }, 'model_unsupported', /activation "relu2"/],
  [
    'more layers than can be',
    { config: { num_hidden_layers: 2 ** 60 } },
    'checkpoint_invalid',
    /num_hidden_layers must be a whole number.*received "1152921504606847000"/,
  ],
  ['a negative epsilon', { config: { rms_norm_eps: -1 } }, 'checkpoint_invalid', /rms_norm_eps must be/],
  [
    'heads of a broken number',
    { config: { head_dim: null, num_attention_heads: 3, num_key_value_heads: 3 } },
    'checkpoint_invalid',
    /3 heads cannot share 64 numbers/,
  ],
  [
    'a tensor that is missing',
    { tensors: without('model.layers.2.mlp.down_proj.weight') },
    'checkpoint_invalid',
    /no tensor model\.layers\.2\.mlp\.down_proj\.weight/,
  ],
  [
    'a tensor of another shape',
    { tensors: shaped('model.layers.1.self_attn.k_proj.weight', [64, 64]) },
    'checkpoint_invalid',
    /k_proj\.weight must have the shape \[32,64\]; received \[64,64\]/,
  ],
  [
    'tensors that the graph would leave out',
    {
      tensors: new Map([
        ...llama.tensors,
        [
          'model.layers.0.self_attn.q_norm.weight',
          llama.tensors.get('model.norm.weight') as CheckpointTensor,
        ],
      ]),
    },
    'model_unsupported',
    /tensors that llama does not: model\.layers\.0\.self_attn\.q_norm\.weight/,
  ],
];

for (const [what, { config, tensors }, code, message] of cases) {
  test(what, () => {
    const changed: Checkpoint = {
      ...llama,
      config: { ...llama.config, ...config },
      tensors: tensors ?? llama.tensors,
    };
    assert.throws(
      () => buildSize(changed, 'int8'),
      (error: SteerdError) => {
        assert.equal(error.code, code);
        assert.match(error.message, message);
        return true;
      },
    );
  });
}

test('the older spelling of rotary settings gives the same graph', () => {
  const { rope_parameters: parameters, ...config } = llama.config as Record<string, Record<string, unknown>>;
  const { rope_theta, ...scaling } = parameters ?? {};
  const old: Checkpoint = { ...llama, config: { ...config, rope_theta, rope_scaling: scaling } };
  assert.equal(buildSize(old, 'int8'), buildSize(llama, 'int8'));
  const wrong = { ...old, config: { ...old.config, rope_scaling: { ...scaling, factor: 'eight' } } };
  assert.throws(() => buildSize(wrong, 'int8'), /factor must be a number above 0/);
});
