/** Gemma 2: norms around both sublayers, bounded scores and logits, every other layer with a window. */
import type { BlockNorms } from '../description/decoder.js';
import { type Family, windowed } from '../description/family.js';

export const gemmaNorms: BlockNorms = {
  beforeAttention: 'input_layernorm',
  afterAttention: 'post_attention_layernorm',
  beforeMlp: 'pre_feedforward_layernorm',
  afterMlp: 'post_feedforward_layernorm',
};

export const gemma2: Family = {
  modelType: 'gemma2',
  defaults: {
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    hidden_activation: 'gelu_pytorch_tanh',
    hidden_size: 2304,
    intermediate_size: 9216,
    num_hidden_layers: 26,
    head_dim: 256,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    sliding_window: 4096,
    max_position_embeddings: 8192,
    query_pre_attn_scalar: 256,
  },
  traits: (config) => ({
    norms: gemmaNorms,
    normOffset: 1,
    embeddingScale: Math.fround(Math.sqrt(config.count('hidden_size'))),
    scoreScale: config.positive('query_pre_attn_scalar') ** -0.5,
    scoreCap: cap(config.record.attn_logit_softcapping, 50),
    logitsCap: cap(config.record.final_logit_softcapping, 30),
    layer: windowed(config, (index) => index % 2 === 0),
  }),
};

/** Left out, it is the family's; null, there is none. */
function cap(value: unknown, usual: number): number {
  if (value === undefined) return usual;
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
}
