/** Llama 2 and 3, and what was made alike: SmolLM2, TinyLlama. Others are told by what differs from it. */
import type { Family } from '../description/family.js';

export const llama: Family = {
  modelType: 'llama',
  defaults: { rms_norm_eps: 1e-6, rope_theta: 10_000, hidden_act: 'silu' },
  traits: () => ({}),
};
