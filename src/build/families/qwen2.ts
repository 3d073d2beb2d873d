/** Qwen2 and 2.5: biases of queries, keys and values, which the graph has wherever the checkpoint has them. */
import { type Family, windowedAbove } from '../description/family.js';

export const qwen2: Family = {
  modelType: 'qwen2',
  defaults: { rms_norm_eps: 1e-6, rope_theta: 10_000, hidden_act: 'silu' },
  traits: (config) => ({ layer: windowedAbove(config) }),
};
