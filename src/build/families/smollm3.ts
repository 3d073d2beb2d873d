/** SmolLM3: some layers have no positions, by default every fourth. */
import { type Family, onlyTable, slides } from '../description/family.js';

export const smollm3: Family = {
  modelType: 'smollm3',
  defaults: {
    rms_norm_eps: 1e-6,
    rope_theta: 2_000_000,
    hidden_act: 'silu',
    hidden_size: 2048,
    intermediate_size: 11_008,
    num_hidden_layers: 36,
    num_attention_heads: 16,
    num_key_value_heads: 4,
    max_position_embeddings: 32_768,
  },
  traits: (config) => {
    const every = config.optionalCount('no_rope_layer_interval') ?? 4;
    const rotated = config.perLayer('no_rope_layers', config.count('num_hidden_layers'));
    const isRotated = (index: number) =>
      rotated ? rotated[index] === 1 || rotated[index] === true : (index + 1) % every !== 0;
    const window = config.flag('use_sliding_window') ? config.optionalCount('sliding_window') : null;
    const hasWindow = slides(config, (index) => !isRotated(index));
    return {
      layer: (index) => ({
        window: window !== null && hasWindow(index) ? window : 0,
        rotary: isRotated(index) ? onlyTable : null,
      }),
    };
  },
};
