/** Phi-3 and 4-mini: packed matrices, LongRoPE in the models for long texts. */
import { type Family, windowed } from '../description/family.js';

export const phi3: Family = {
  modelType: 'phi3',
  defaults: {
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    hidden_act: 'silu',
    hidden_size: 3072,
    intermediate_size: 8192,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 4096,
  },
  traits: (config) => ({ layer: windowed(config, () => true) }),
};
