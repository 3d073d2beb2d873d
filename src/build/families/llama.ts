/** Llama 2 and 3, and what was made alike: SmolLM2, TinyLlama. Others are told by what differs from it. */
import type { Family } from '../description/family.js';

export const llama: Family = {
  modelType: 'llama',
  defaults: {
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    hidden_act: 'silu',
    hidden_size: 4096,
    intermediate_size: 11_008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 2048,
  },
  traits: () => ({}),
};
