/** OLMo 2: norms after the sublayers only, and of queries and keys over their whole width. */
import type { Family } from '../description/family.js';

export const olmo2: Family = {
  modelType: 'olmo2',
  defaults: {
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    hidden_act: 'silu',
    hidden_size: 4096,
    intermediate_size: 11_008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 2048,
  },
  traits: () => ({
    headNorms: 'width',
    norms: {
      beforeAttention: null,
      afterAttention: 'post_attention_layernorm',
      beforeMlp: null,
      afterMlp: 'post_feedforward_layernorm',
    },
  }),
};
