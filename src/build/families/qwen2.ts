/** Qwen2 and 2.5: biases of queries, keys and values, which the graph has wherever the checkpoint has them. */
import { type Family, windowedAbove } from '../description/family.js';

export const qwen2: Family = {
  modelType: 'qwen2',
  defaults: {
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    hidden_act: 'silu',
    hidden_size: 4096,
    intermediate_size: 22_016,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 32_768,
  },
  traits: (config) => ({ layer: windowedAbove(config) }),
};
