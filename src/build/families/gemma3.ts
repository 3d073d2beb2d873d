/** The text part of Gemma 3: norms of queries and keys too; layers with a window have rotary angles of their own. */
import { type Family, slides } from '../description/family.js';
import { rotarySettings } from '../description/rotary.js';
import { gemmaNorms } from './gemma2.js';

export const gemma3: Family = {
  modelType: 'gemma3_text',
  defaults: {
    rms_norm_eps: 1e-6,
    rope_theta: 1_000_000,
    rope_local_base_freq: 10_000,
    hidden_activation: 'gelu_pytorch_tanh',
    hidden_size: 2304,
    intermediate_size: 9216,
    num_hidden_layers: 26,
    head_dim: 256,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    sliding_window: 4096,
    max_position_embeddings: 131_072,
    query_pre_attn_scalar: 256,
  },
  traits: (config, headDim) => {
    const every =
      config.optionalCount('sliding_window_pattern') ?? config.optionalCount('_sliding_window_pattern') ?? 6;
    const hasWindow = slides(config, (index) => (index + 1) % every !== 0);
    const window = config.count('sliding_window');
    return {
      norms: gemmaNorms,
      normOffset: 1,
      headNorms: 'heads',
      embeddingScale: Math.fround(Math.sqrt(config.count('hidden_size'))),
      scoreScale: config.positive('query_pre_attn_scalar') ** -0.5,
      scoreCap: config.optionalPositive('attn_logit_softcapping') ?? 0,
      logitsCap: config.optionalPositive('final_logit_softcapping') ?? 0,
      rotary: {
        full: rotarySettings(config, headDim),
        sliding: rotarySettings(config, headDim, 'sliding_attention', 'rope_local_base_freq'),
      },
      layer: (index) => (hasWindow(index) ? { window, rotary: 'sliding' } : { window: 0, rotary: 'full' }),
    };
  },
};
