/** Granite: Llama with a multiplier in each place. */
import type { Family } from '../description/family.js';

export const granite: Family = {
  modelType: 'granite',
  defaults: {
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    hidden_act: 'silu',
    hidden_size: 4096,
    intermediate_size: 11_008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 2048,
    attention_multiplier: 1,
    embedding_multiplier: 1,
    residual_multiplier: 1,
    logits_scaling: 1,
  },
  traits: (config) => ({
    scoreScale: config.positive('attention_multiplier'),
    embeddingScale: config.positive('embedding_multiplier'),
    residualScale: config.positive('residual_multiplier'),
    logitsDivisor: config.positive('logits_scaling'),
  }),
};
