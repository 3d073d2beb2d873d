/** From the metadata of a GGUF model to Hugging Face's config.json. */
import { errors } from '../errors.js';
import type { GgufFamily } from './gguf-families.js';
import type { GgufMetadata } from './gguf-metadata.js';
import type { JsonRecord } from './json-part.js';

/** Tensors that hold factors of the rotary frequencies, as far as the file has them. */
export interface RopeFactors {
  /** `rope_freqs`: of Llama 3. */
  readonly all: readonly number[] | null;
  readonly short: readonly number[] | null;
  readonly long: readonly number[] | null;
}

/** What the tensors tell of the configuration. */
export interface TensorFacts {
  readonly vocabulary: number;
  readonly hasHead: boolean;
  readonly hasAttentionBias: boolean;
  readonly hasMlpBias: boolean;
  readonly rope: RopeFactors;
}

/** @throws SteerdError checkpoint_invalid, model_unsupported */
export function ggufConfig(metadata: GgufMetadata, family: GgufFamily, tensors: TensorFacts): JsonRecord {
  const own = (key: string) => metadata.own(key);
  const experts = metadata.count(own('expert_count')) ?? 0;
  if (experts > 0) {
    throw errors.checkpointUnsupported(
      metadata.path,
      `${metadata.architecture} with ${experts} experts: mixtures of experts are not supported`,
    );
  }
  const [layers, hidden] = [
    metadata.neededEven(own('block_count')),
    metadata.neededEven(own('embedding_length')),
  ];
  const heads = metadata.neededEven(own('attention.head_count'));
  const headDim = metadata.even(own('attention.key_length')) ?? hidden / heads;
  const valueDim = metadata.even(own('attention.value_length')) ?? headDim;
  if (!Number.isSafeInteger(headDim) || headDim < 1 || headDim !== valueDim) {
    throw errors.checkpointUnsupported(
      metadata.path,
      `its attention heads have ${headDim} numbers for a key and ${valueDim} for a value`,
    );
  }
  const window = metadata.even(own('attention.sliding_window')) ?? 0;
  const context = metadata.neededEven(own('context_length'));
  return {
    architectures: [family.architecture],
    model_type: family.modelType,
    vocab_size: tensors.vocabulary,
    hidden_size: hidden,
    intermediate_size: metadata.neededEven(own('feed_forward_length')),
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: metadata.even(own('attention.head_count_kv')) ?? heads,
    head_dim: headDim,
    max_position_embeddings: context,
    rms_norm_eps: metadata.needed(own('attention.layer_norm_rms_epsilon')),
    tie_word_embeddings: !tensors.hasHead,
    attention_bias: tensors.hasAttentionBias,
    mlp_bias: tensors.hasMlpBias,
    hidden_act: 'silu',
    sliding_window: window > 0 ? window : null,
    ...ropeOf(metadata, tensors.rope, context, headDim),
    ...tokenIds(metadata),
    ...family.config?.({ metadata, layers, heads, hidden, headDim }),
  };
}

function ropeOf(metadata: GgufMetadata, factors: RopeFactors, context: number, headDim: number): JsonRecord {
  const own = (key: string) => metadata.own(key);
  const rotated = metadata.count(own('rope.dimension_count')) ?? headDim;
  const original = metadata.count(own('rope.scaling.original_context_length'));
  return {
    rope_theta: metadata.number(own('rope.freq_base')) ?? 10_000,
    ...(rotated === headDim ? {} : { partial_rotary_factor: rotated / headDim }),
    rope_scaling: ropeScaling(metadata, factors, context, original),
    ...(factors.long === null ? {} : { original_max_position_embeddings: original ?? context }),
  };
}

function ropeScaling(
  metadata: GgufMetadata,
  factors: RopeFactors,
  context: number,
  original: number | undefined,
): JsonRecord | null {
  const own = (key: string) => metadata.own(key);
  if (factors.long !== null && factors.short !== null) {
    return {
      rope_type: 'longrope',
      long_factor: factors.long,
      short_factor: factors.short,
      original_max_position_embeddings: original ?? context,
    };
  }
  if (factors.all !== null) {
    // Llama 3's frequencies, as the factors that its rule gave: the rule itself is not in the file.
    return {
      rope_type: 'longrope',
      long_factor: factors.all,
      short_factor: factors.all,
      attention_factor: 1,
      original_max_position_embeddings: context,
    };
  }
  const type = metadata.string(own('rope.scaling.type')) ?? 'none';
  const factor =
    metadata.number(own('rope.scaling.factor')) ?? metadata.number(own('rope.scale_linear')) ?? 1;
  if (type === 'none' || factor === 1) return null;
  if (type === 'linear') return { rope_type: 'linear', factor };
  if (type !== 'yarn') {
    throw errors.checkpointUnsupported(
      metadata.path,
      `its rotary scaling ${JSON.stringify(type.slice(0, 40))} is not known`,
    );
  }
  const optional = {
    beta_fast: metadata.number(own('rope.scaling.yarn_beta_fast')),
    beta_slow: metadata.number(own('rope.scaling.yarn_beta_slow')),
    attention_factor: metadata.number(own('rope.scaling.yarn_attn_factor')),
  };
  return {
    rope_type: 'yarn',
    factor,
    original_max_position_embeddings: original ?? Math.round(context / factor),
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}

function tokenIds(metadata: GgufMetadata): JsonRecord {
  const ids = {
    bos_token_id: metadata.count('tokenizer.ggml.bos_token_id'),
    eos_token_id: metadata.count('tokenizer.ggml.eos_token_id'),
    pad_token_id: metadata.count('tokenizer.ggml.padding_token_id'),
  };
  return Object.fromEntries(Object.entries(ids).filter(([, id]) => id !== undefined));
}
