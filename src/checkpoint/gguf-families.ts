/**
 * The architectures of GGUF files that have a counterpart among Hugging Face's: how their tensors are called there, which
 * of them the converters change (https://github.com/ggml-org/llama.cpp/tree/master/conversion), and what is special in
 * their configuration. What all have in common is in gguf-config.ts.
 */

import { errors } from '../errors.js';
import type { GgufMetadata } from './gguf-metadata.js';
import type { JsonRecord } from './json-part.js';

/** What configurations are made of. */
export interface FamilyFacts {
  readonly metadata: GgufMetadata;
  readonly layers: number;
  readonly heads: number;
  readonly hidden: number;
  readonly headDim: number;
}

export interface GgufFamily {
  readonly modelType: string;
  readonly architecture: string;
  /** Names of a block's tensors that differ from the common ones. */
  readonly names?: Readonly<Record<string, string>>;
  /** Rows of the queries' and keys' heads are interleaved in the file. */
  readonly interleaved?: boolean;
  /** What converters add to the weights of norms. */
  readonly normShift?: number;
  /** Fields of config.json beside the common ones. */
  readonly config?: (facts: FamilyFacts) => JsonRecord;
}

/** In a block (`blk.N.`), without `.weight` or `.bias`. */
const blockNames: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_qkv: 'self_attn.qkv_proj',
  attn_output: 'self_attn.o_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
  post_attention_norm: 'post_attention_layernorm',
  post_ffw_norm: 'post_feedforward_layernorm',
};

const gemmaNames = { ffn_norm: 'pre_feedforward_layernorm' };

/**
 * The scale of a query in Gemma's own terms. Files seldom tell it: it is the size of a head, but in the largest models the
 * width divided by the heads.
 */
function gemmaScalar({ metadata, layers, heads, hidden, headDim }: FamilyFacts, largest: number): number {
  const scale = metadata.number(metadata.own('attention.scale'));
  // A float32 of the file: what it was computed from has no more than a few digits.
  if (scale !== undefined && scale > 0) return Math.round(scale ** -2 * 1000) / 1000;
  return layers === largest ? hidden / heads : headDim;
}

/** `sliding_attention` and `full_attention`, as the file says, or every `every`-th layer full. */
function layerTypes({ metadata, layers }: FamilyFacts, every: number): string[] {
  const key = metadata.own('attention.sliding_window_pattern');
  const pattern = metadata.booleans(key);
  const period = pattern === undefined ? (metadata.count(key) ?? every) : every;
  return Array.from({ length: layers }, (_, i) =>
    (pattern?.[i] ?? (i + 1) % period !== 0) ? 'sliding_attention' : 'full_attention',
  );
}

export const ggufFamilies: Readonly<Record<string, GgufFamily>> = {
  llama: {
    modelType: 'llama',
    architecture: 'LlamaForCausalLM',
    interleaved: true,
    // Mistral goes by the same name; where the file tells of its windows, they are its own.
    config: ({ metadata }) =>
      (metadata.even(metadata.own('attention.sliding_window')) ?? 0) > 0
        ? { model_type: 'mistral', architectures: ['MistralForCausalLM'] }
        : {},
  },
  qwen2: { modelType: 'qwen2', architecture: 'Qwen2ForCausalLM' },
  qwen3: { modelType: 'qwen3', architecture: 'Qwen3ForCausalLM' },
  gemma2: {
    modelType: 'gemma2',
    architecture: 'Gemma2ForCausalLM',
    names: gemmaNames,
    normShift: 1,
    config: (facts) => ({
      hidden_activation: 'gelu_pytorch_tanh',
      query_pre_attn_scalar: gemmaScalar(facts, 46),
      attn_logit_softcapping: facts.metadata.number(facts.metadata.own('attn_logit_softcapping')) ?? null,
      final_logit_softcapping: facts.metadata.number(facts.metadata.own('final_logit_softcapping')) ?? null,
      layer_types: layerTypes(facts, 2),
    }),
  },
  gemma3: {
    modelType: 'gemma3_text',
    architecture: 'Gemma3ForCausalLM',
    names: gemmaNames,
    normShift: 1,
    config: (facts) => ({
      hidden_activation: 'gelu_pytorch_tanh',
      query_pre_attn_scalar: gemmaScalar(facts, 62),
      attn_logit_softcapping: null,
      final_logit_softcapping: facts.metadata.number(facts.metadata.own('final_logit_softcapping')) ?? null,
      layer_types: layerTypes(facts, 6),
      rope_local_base_freq: facts.metadata.number(facts.metadata.own('rope.freq_base_swa')) ?? 10_000,
    }),
  },
  phi3: {
    modelType: 'phi3',
    architecture: 'Phi3ForCausalLM',
    names: { ffn_up: 'mlp.gate_up_proj' },
  },
  olmo2: {
    modelType: 'olmo2',
    architecture: 'Olmo2ForCausalLM',
    config: ({ metadata }) => {
      // OLMo 3 goes by the same name, with windows in three layers of four and frequencies of their own.
      if ((metadata.even(metadata.own('attention.sliding_window')) ?? 0) === 0) return {};
      throw errors.checkpointUnsupported(metadata.path, 'it is OLMo 3 (olmo2 with sliding windows)');
    },
  },
  smollm3: {
    modelType: 'smollm3',
    architecture: 'SmolLM3ForCausalLM',
    interleaved: true,
    // Every fourth layer has none; the file does not say so.
    config: ({ layers }) => ({
      no_rope_layers: Array.from({ length: layers }, (_, i) => ((i + 1) % 4 === 0 ? 0 : 1)),
      no_rope_layer_interval: 4,
    }),
  },
  granite: {
    modelType: 'granite',
    architecture: 'GraniteForCausalLM',
    interleaved: true,
    config: ({ metadata, headDim }) => ({
      attention_multiplier: metadata.number(metadata.own('attention.scale')) ?? headDim ** -0.5,
      embedding_multiplier: metadata.number(metadata.own('embedding_scale')) ?? 1,
      residual_multiplier: metadata.number(metadata.own('residual_scale')) ?? 1,
      logits_scaling: metadata.number(metadata.own('logit_scale')) ?? 1,
    }),
  },
};

const outerNames: Readonly<Record<string, string>> = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
};

/** Hugging Face's name of a tensor; the name as it is where there is none. */
export function huggingFaceName(family: GgufFamily, name: string): string {
  const [, layer, part = '', kind] = /^blk\.(\d+)\.(\w+)\.(weight|bias)$/.exec(name) ?? [];
  const own = family.names?.[part] ?? blockNames[part];
  if (layer === undefined || own === undefined) return outerNames[name] ?? name;
  return `model.layers.${layer}.${own}.${kind}`;
}
