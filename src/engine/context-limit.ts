/**
 * How many tokens a grouped export computes right. Its configuration may promise more: rotary tables may end before, LongRoPE
 * has other factors beyond a number of tokens, which keys that were computed with the first ones do not fit, and a sliding
 * window may be missing in the graph.
 */
import type { Graph } from '../onnx/graph/graph.js';
import { attributeOf } from '../onnx/graph/node.js';

export interface ContextLimit {
  readonly tokens: number;
  /** In words, to follow the number. */
  readonly why: string;
}

type Config = Readonly<Record<string, unknown>>;

const asObject = (value: unknown): Config =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Config) : {};
const asCount = (value: unknown): number | null =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : null;

/**
 * The narrowest of its limits.
 * @param declared tokens that the model was made for
 * @param config config.json, or the part of it about text
 */
export function contextLimit(graph: Graph, declared: number, config: Config): ContextLimit {
  const limits: ContextLimit[] = [{ tokens: declared, why: "the model's own" }];
  const grouped = graph.proto.node.filter(({ opType }) => opType === 'GroupQueryAttention');
  for (const node of grouped) {
    const [rows] = graph.initializer(node.input[cosineTable] ?? '')?.dims ?? [];
    if (rows !== undefined) limits.push({ tokens: Number(rows), why: 'its rotary tables end there' });
  }
  const switched = longRopeSwitch(config);
  if (switched !== null)
    limits.push({
      tokens: switched,
      why: "the short factors of its LongRoPE end there, and a text's first keys do not fit the long ones",
    });
  const window = grouped.length > 0 ? missingWindow(graph, config) : null;
  if (window !== null)
    limits.push({ tokens: window, why: 'the model attends to a sliding window that the export lacks' });
  return limits.reduce((least, limit) => (limit.tokens < least.tokens ? limit : least));
}

/** Input of GroupQueryAttention (ContribOperators.md of ONNX Runtime). */
const cosineTable = 7;

/** Tokens up to which LongRoPE's short factors hold (Hugging Face's names); null without LongRoPE. */
function longRopeSwitch(config: Config): number | null {
  const rope = { ...asObject(config.rope_scaling), ...asObject(config.rope_parameters) };
  const kind = rope.rope_type ?? rope.type;
  if (kind !== 'longrope' && kind !== 'su') return null;
  return asCount(rope.original_max_position_embeddings) ?? asCount(config.original_max_position_embeddings);
}

/** The window that some of the model's layers have, when none of the graph's has one; null else. */
function missingWindow(graph: Graph, config: Config): number | null {
  const window = asCount(config.sliding_window);
  const { layer_types: kinds, model_type: family } = config;
  if (window === null || config.use_sliding_window === false) return null;
  // Qwen's configurations name a window that is off unless they say otherwise.
  if (String(family).startsWith('qwen') && config.use_sliding_window !== true) return null;
  if (Array.isArray(kinds) && !kinds.includes('sliding_attention')) return null;
  const has = graph.proto.node.some(
    (node) => node.opType === 'GroupQueryAttention' && (attributeOf(node, 'local_window_size') ?? 0) > 0,
  );
  return has ? null : window;
}
