/** From a checkpoint's configuration and the shapes of its tensors to the decoder that its graph is written from. */
import type { Checkpoint, CheckpointTensor } from '../checkpoint/checkpoint.js';
import { errors, shown } from '../errors.js';
import { ConfigValues, configFile } from './description/config-values.js';
import { type Block, type Decoder, type RotaryTable, usualNorms } from './description/decoder.js';
import { type Family, onlyTable } from './description/family.js';
import { type HeadLayout, headLayout, paddedFrequencies } from './description/head-layout.js';
import { rotarySettings, rotaryTable } from './description/rotary.js';
import { families } from './families.js';

export const embeddingName = 'model.embed_tokens.weight';
export const headName = 'lm_head.weight';

/** @throws SteerdError model_unsupported, checkpoint_invalid */
export function describeDecoder({
  config: record,
  tensors,
}: Pick<Checkpoint, 'config' | 'tensors'>): Decoder {
  const given = new ConfigValues(record);
  const family = familyOf(given);
  const config = new ConfigValues({ ...family.defaults, ...withoutNulls(record, family) });
  refuseOddities(config, tensors);
  const layers = config.count('num_hidden_layers');
  const hidden = config.count('hidden_size');
  const heads = config.count('num_attention_heads');
  const headDim = config.optionalCount('head_dim') ?? hidden / heads;
  const kvHeads = config.optionalCount('num_key_value_heads') ?? heads;
  if (!Number.isInteger(headDim))
    throw errors.checkpointInvalid(configFile, `${heads} heads cannot share ${hidden} numbers`);
  if (heads % kvHeads !== 0)
    throw errors.checkpointInvalid(configFile, `${heads} heads cannot share ${kvHeads} heads of keys`);
  const traits = family.traits(config, headDim);
  const settings = traits.rotary ?? { [onlyTable]: rotarySettings(config, headDim) };
  const layer = traits.layer ?? (() => ({ window: 0, rotary: onlyTable }));
  const rotary = new Map(Object.entries(settings).map(([name, one]) => [name, rotaryTable(one)]));
  const layout = layoutOf(headDim, [...rotary.values()]);
  const epsilon = config.positive('rms_norm_eps');
  const blocks: Block[] = Array.from({ length: layers }, (_, index) => layer(index));
  return {
    modelType: family.modelType,
    ...{ hidden, heads, kvHeads, blocks, layout, epsilon },
    headDim: layout.padded,
    intermediate: config.count('intermediate_size'),
    context: config.count('max_position_embeddings'),
    activation: activationOf(config),
    embeddingScale: traits.embeddingScale ?? 1,
    residualScale: traits.residualScale ?? 1,
    logitsDivisor: traits.logitsDivisor ?? 1,
    logitsCap: traits.logitsCap ?? 0,
    scoreScale: traits.scoreScale ?? headDim ** -0.5,
    scoreCap: traits.scoreCap ?? 0,
    normOffset: traits.normOffset ?? 0,
    norms: traits.norms ?? usualNorms,
    headNorms: traits.headNorms ?? 'none',
    tied: config.flag('tie_word_embeddings') || !tensors.has(headName),
    rotary: new Map(
      [...rotary].map(([name, table]) => [
        name,
        { ...table, frequencies: paddedFrequencies(table.frequencies) },
      ]),
    ),
  };
}

/** @throws SteerdError model_unsupported for layers that rotate different shares of a head, where that matters */
function layoutOf(headDim: number, tables: readonly RotaryTable[]): HeadLayout {
  const [layout = headLayout(headDim, 0), ...others] = tables.map(({ frequencies }) =>
    headLayout(headDim, 2 * frequencies.length),
  );
  if (others.some(({ places }) => places.some((place, i) => place !== layout.places[i])))
    throw errors.checkpointUnsupported(
      configFile,
      `its layers rotate different shares of attention heads of ${headDim} dimensions`,
    );
  return layout;
}

/** A null stands for the family's default, except where it means that there is none. */
function withoutNulls(record: Readonly<Record<string, unknown>>, { defaults }: Family) {
  const kept = Object.entries(record).filter(
    ([key, value]) => value !== null || !(key in defaults) || key === 'sliding_window',
  );
  return Object.fromEntries(kept);
}

/** @throws SteerdError model_unsupported */
export function familyOf(config: ConfigValues): Family {
  const name = config.text('model_type') ?? '';
  const { architectures } = config.record;
  const architecture =
    Array.isArray(architectures) && typeof architectures[0] === 'string' ? architectures[0] : name;
  const experts = ['num_local_experts', 'num_experts', 'n_routed_experts', 'moe_num_experts'].find(
    (key) => (Number(config.record[key]) || 0) > 0,
  );
  if (experts !== undefined)
    throw errors.checkpointUnsupported(
      configFile,
      `${shown(architecture || name)} is a mixture of experts (${experts} ${shown(config.record[experts])}), which no graph is built for`,
    );
  const family = families.get(name);
  if (family) return family;
  throw errors.checkpointUnsupported(
    configFile,
    `its architecture ${shown(architecture || 'without a name')} (model_type ${shown(name)}) has no description; those that have one are ${[...families.keys()].join(', ')}`,
  );
}

/** What would be computed wrong in silence. */
function refuseOddities(config: ConfigValues, tensors: ReadonlyMap<string, CheckpointTensor>): void {
  const refuse = (what: string) => errors.checkpointUnsupported(configFile, what);
  const quantized = config.inner('quantization_config');
  if (quantized)
    throw refuse(
      `its weights are quantised by ${shown(quantized.text('quant_method') ?? 'a method without a name')}; take the checkpoint that was not`,
    );
  if (config.flag('use_bidirectional_attention')) throw refuse('its attention looks ahead');
  if (config.has('clip_qkv')) throw refuse('it clips queries, keys and values (clip_qkv)');
  if (!tensors.has(embeddingName))
    throw errors.checkpointInvalid('the checkpoint', `it has no tensor ${embeddingName}`);
}

const activations: Readonly<Record<string, Decoder['activation']>> = {
  silu: 'silu',
  swish: 'silu',
  gelu_pytorch_tanh: 'gelu_tanh',
  gelu_new: 'gelu_tanh',
  gelu: 'gelu',
};

function activationOf(config: ConfigValues): Decoder['activation'] {
  // Gemma's configurations have both, and mean the first.
  const name = config.text('hidden_activation') ?? config.text('hidden_act') ?? '';
  const known = activations[name];
  if (!known) throw errors.checkpointUnsupported(configFile, `its activation ${shown(name)} is not known`);
  return known;
}
