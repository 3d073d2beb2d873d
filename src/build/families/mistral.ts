/** Mistral: a window in every layer, in its first version. */
import { type Family, windowed } from '../description/family.js';

export const mistral: Family = {
  modelType: 'mistral',
  defaults: {
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    hidden_act: 'silu',
    hidden_size: 4096,
    intermediate_size: 14_336,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    max_position_embeddings: 131_072,
  },
  traits: (config) => ({ layer: windowed(config, () => true) }),
};
