/**
 * Frequencies of rotary position embeddings, in float32 as PyTorch computes them, for every rule that configurations name
 * (transformers: modeling_rope_utils.py). Both spellings are read: `rope_parameters`, and `rope_scaling` beside
 * `rope_theta`.
 */
import { errors, shown } from '../../errors.js';
import { type ConfigRecord, ConfigValues, configFile } from './config-values.js';
import type { RotaryTable } from './decoder.js';

export interface RotarySettings {
  readonly headDim: number;
  readonly context: number;
  readonly theta: number;
  /** The rule and its numbers. */
  readonly rule: ConfigValues;
  readonly config: ConfigValues;
}

/** Longer tables are of no use to anyone who serves on one machine, and take room in every copy of the model. */
const longestTable = 131_072;

/**
 * The settings of a kind of layer. Where layers differ, `rope_parameters` has an object for each kind; before, only layers
 * with full attention were scaled.
 * @param kind `full_attention` or `sliding_attention`
 * @param oldTheta the key of that kind's base in the old spelling
 */
export function rotarySettings(
  config: ConfigValues,
  headDim: number,
  kind = 'full_attention',
  oldTheta = 'rope_theta',
): RotarySettings {
  const parameters = config.inner('rope_parameters');
  const own = parameters?.inner(kind) ?? (parameters?.inner('full_attention') ? null : parameters);
  const scaling = kind === 'full_attention' ? config.inner('rope_scaling') : null;
  const record: ConfigRecord = { ...scaling?.record, ...own?.record };
  const rule = new ConfigValues(record);
  const theta =
    rule.optionalPositive('rope_theta') ?? config.optionalPositive(oldTheta) ?? config.positive('rope_theta');
  return { headDim, context: config.count('max_position_embeddings'), theta, rule, config };
}

/** @throws SteerdError model_unsupported, checkpoint_invalid */
export function rotaryTable(settings: RotarySettings): RotaryTable {
  const { headDim, context, rule, config } = settings;
  const share =
    rule.optionalPositive('partial_rotary_factor') ?? config.optionalPositive('partial_rotary_factor') ?? 1;
  const width = Math.floor(headDim * share);
  if (width < 2 || width % 2 !== 0 || width > headDim)
    throw errors.checkpointInvalid(
      configFile,
      `${width} of ${headDim} dimensions of a head cannot be rotated`,
    );
  const name = rule.text('rope_type') ?? rule.text('type') ?? 'default';
  const table = rules[name];
  if (!table)
    throw errors.checkpointUnsupported(configFile, `its rotary scaling ${shown(name)} is not known`);
  const made = table(settings, plain(settings.theta, width));
  return { ...made, positions: Math.min(made.positions ?? context, context, longestTable) };
}

interface Made {
  readonly frequencies: Float32Array;
  readonly factor: number;
  readonly positions?: number;
}
type Rule = (settings: RotarySettings, frequencies: Float32Array) => Made;

/** theta^(-2i / width), rounded to float32 at each step. */
function plain(theta: number, width: number): Float32Array {
  return Float32Array.from({ length: width / 2 }, (_, i) => {
    const exponent = Math.fround((2 * i) / width);
    return Math.fround(1 / Math.fround(theta ** exponent));
  });
}

const asItIs: Rule = (_, frequencies) => ({ frequencies, factor: 1 });

/** The tokens that a model had been trained on before its context was stretched. */
const originalContext = ({ rule, config, context }: RotarySettings): number =>
  rule.optionalCount('original_max_position_embeddings') ??
  config.optionalCount('original_max_position_embeddings') ??
  context;

const linear: Rule = ({ rule }, frequencies) => ({
  frequencies: frequencies.map((frequency) => frequency / rule.positive('factor')),
  factor: 1,
});

/** Slow frequencies are divided by the factor, fast ones kept, those between mixed. */
const llama3: Rule = (settings, frequencies) => {
  const { rule } = settings;
  const [factor, low, high] = ['factor', 'low_freq_factor', 'high_freq_factor'].map((key) =>
    rule.positive(key),
  ) as [number, number, number];
  const original = originalContext(settings);
  const mixed = (frequency: number): number => {
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength > original / low) return frequency / factor;
    if (wavelength < original / high) return frequency;
    const smooth = (original / wavelength - low) / (high - low);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  };
  return { frequencies: frequencies.map(mixed), factor: 1 };
};

const yarn: Rule = (settings, frequencies) => {
  const { rule, theta } = settings;
  const width = frequencies.length * 2;
  const original = originalContext(settings);
  const factor =
    rule.optionalPositive('factor') ?? (settings.context > original ? settings.context / original : 1);
  const scale = (mscale: number) => (factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1);
  const [own, all] = [rule.optionalPositive('mscale'), rule.optionalPositive('mscale_all_dim')];
  const attention =
    rule.optionalPositive('attention_factor') ?? (own && all ? scale(own) / scale(all) : scale(1));
  const dimension = (rotations: number) =>
    (width * Math.log(original / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  const truncates = rule.record.truncate !== false;
  let low = dimension(rule.optionalPositive('beta_fast') ?? 32);
  let high = dimension(rule.optionalPositive('beta_slow') ?? 1);
  if (truncates) [low, high] = [Math.floor(low), Math.ceil(high)];
  [low, high] = [Math.max(low, 0), Math.min(high, width - 1)];
  if (low === high) high += 0.001;
  const mixed = (frequency: number, i: number): number => {
    const kept = 1 - Math.min(1, Math.max(0, (i - low) / (high - low)));
    return (frequency / factor) * (1 - kept) + frequency * kept;
  };
  return { frequencies: frequencies.map(mixed), factor: attention };
};

/**
 * Two sets of factors, for texts within and beyond the original context. Keys that were rotated with the first do not fit
 * the second, so that a growing text can have only one of them: the first, as far as it holds.
 */
const longRope: Rule = (settings, frequencies) => {
  const { rule, context } = settings;
  const original = originalContext(settings);
  const [short, long] = [rule.positives('short_factor'), rule.positives('long_factor')];
  if (short.length !== frequencies.length || long.length !== frequencies.length)
    throw errors.checkpointInvalid(
      configFile,
      `short_factor and long_factor must have ${frequencies.length} numbers; received ${short.length} and ${long.length}`,
    );
  const stretch =
    settings.config.optionalCount('original_max_position_embeddings') === null
      ? (rule.optionalPositive('factor') ?? context / original)
      : context / original;
  const factor =
    rule.optionalPositive('attention_factor') ??
    (stretch <= 1 ? 1 : Math.sqrt(1 + Math.log(stretch) / Math.log(original)));
  const same = short.every((value, i) => value === long[i]);
  return {
    frequencies: frequencies.map((frequency, i) =>
      Math.fround(1 / Math.fround(Math.fround(short[i] ?? 1) * Math.fround(1 / frequency))),
    ),
    factor,
    positions: same ? context : original,
  };
};

const rules: Readonly<Record<string, Rule>> = {
  default: asItIs,
  // Scales only beyond the context that the configuration names, which nobody is let past.
  dynamic: asItIs,
  linear,
  llama3,
  yarn,
  longrope: longRope,
  su: longRope,
};
