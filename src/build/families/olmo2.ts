/** OLMo 2: norms after the sublayers only, and of queries and keys over their whole width. */
import type { Family } from '../description/family.js';
import { llama } from './llama.js';

export const olmo2: Family = {
  modelType: 'olmo2',
  defaults: { ...llama.defaults, rms_norm_eps: 1e-5 },
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
