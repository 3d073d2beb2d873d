/** Mistral: a window in every layer, in its first version. */
import { type Family, windowed } from '../description/family.js';

export const mistral: Family = {
  modelType: 'mistral',
  defaults: { rms_norm_eps: 1e-6, rope_theta: 10_000, hidden_act: 'silu' },
  traits: (config) => ({ layer: windowed(config, () => true) }),
};
