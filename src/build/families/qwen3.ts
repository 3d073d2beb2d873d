/** Qwen3: norms of each head's query and key. */
import { type Family, windowedAbove } from '../description/family.js';

export const qwen3: Family = {
  modelType: 'qwen3',
  defaults: {
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    hidden_act: 'silu',
    head_dim: 128,
    hidden_size: 4096,
    intermediate_size: 22_016,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 32_768,
  },
  traits: (config) => ({ headNorms: 'heads', layer: windowedAbove(config) }),
};
