/** What tells a family of decoders from others. Each is a small file in families/, and a line in families.ts. */
import type { ConfigRecord, ConfigValues } from './config-values.js';
import type { Decoder } from './decoder.js';
import type { RotarySettings } from './rotary.js';

export interface LayerTraits {
  readonly window: number;
  /** A key of `rotary`; null for attention without positions. */
  readonly rotary: string | null;
}

/** What is as in Llama is left out. */
export interface Traits
  extends Partial<
    Pick<
      Decoder,
      | 'embeddingScale'
      | 'residualScale'
      | 'logitsDivisor'
      | 'logitsCap'
      | 'scoreScale'
      | 'scoreCap'
      | 'normOffset'
      | 'norms'
      | 'headNorms'
    >
  > {
  /** Windows and rotary tables; all attention full, all with the table `all`, where it is left out. */
  readonly layer?: (index: number) => LayerTraits;
  /** Rotary tables by name; one named `all`, where it is left out. */
  readonly rotary?: Readonly<Record<string, RotarySettings>>;
}

export interface Family {
  readonly modelType: string;
  /** What its configurations leave out where it is as transformers' class has it, the more so within multimodal ones. */
  readonly defaults: ConfigRecord;
  /** @throws SteerdError checkpoint_invalid, model_unsupported */
  readonly traits: (config: ConfigValues, headDim: number) => Traits;
}

/** The name of the only rotary table of most families. */
export const onlyTable = 'all';

/**
 * Whether a layer's attention has a window: as `layer_types` says, else as `otherwise` does.
 * @throws SteerdError checkpoint_invalid
 */
export function slides(
  config: ConfigValues,
  otherwise: (index: number) => boolean,
): (index: number) => boolean {
  const kinds = config.perLayer('layer_types', config.count('num_hidden_layers'));
  return (index) => (kinds ? kinds[index] === 'sliding_attention' : otherwise(index));
}

/** Layers with the one rotary table, in which some have the configuration's window. */
export function windowed(config: ConfigValues, otherwise: (index: number) => boolean): Traits['layer'] {
  const window = config.optionalCount('sliding_window');
  const has = slides(config, otherwise);
  return (index) => ({ window: window !== null && has(index) ? window : 0, rotary: onlyTable });
}

/** Qwen's configurations name a window that is off unless they say otherwise, and on only in upper layers. */
export function windowedAbove(config: ConfigValues): Traits['layer'] {
  const first = config.optionalCount('max_window_layers') ?? 0;
  const isOn = config.flag('use_sliding_window');
  const layer = windowed(config, (index) => index >= first);
  return (index) => (isOn && layer ? layer(index) : { window: 0, rotary: onlyTable });
}
