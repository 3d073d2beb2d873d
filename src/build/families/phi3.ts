/** Phi-3 and 4-mini: packed matrices, LongRoPE in the models for long texts. */
import { type Family, windowed } from '../description/family.js';

export const phi3: Family = {
  modelType: 'phi3',
  defaults: { rms_norm_eps: 1e-5, rope_theta: 10_000, hidden_act: 'silu' },
  traits: (config) => ({ layer: windowed(config, () => true) }),
};
