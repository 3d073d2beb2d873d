/** What a decoder computes, whatever family it is of: all that its graph is written from. */

import type { HeadLayout } from './head-layout.js';

/** How a graph's weights are stored. */
export type Precision = 'int8' | 'int4' | 'fp16' | 'fp32';

/** Names of a block's norms, without `.weight`; null where the family has none in that place. */
export interface BlockNorms {
  readonly beforeAttention: string | null;
  /** Of the attention's output, before it joins the residual stream. */
  readonly afterAttention: string | null;
  readonly beforeMlp: string | null;
  readonly afterMlp: string | null;
}

/** A table of rotary angles: the angle of pair i at position p is `p * frequencies[i]`. */
export interface RotaryTable {
  readonly frequencies: Float32Array;
  /** What sines and cosines are multiplied by. */
  readonly factor: number;
  /** Positions up to which it holds. */
  readonly positions: number;
}

export interface Block {
  /** Keys that a position attends to, its own among them; 0 for all. */
  readonly window: number;
  /** The rotary table's name; null for attention without positions. */
  readonly rotary: string | null;
}

export interface Decoder {
  readonly modelType: string;
  readonly hidden: number;
  readonly intermediate: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** Numbers of a head in the graph, and how the checkpoint's lie among them. */
  readonly headDim: number;
  readonly layout: HeadLayout;
  /** Longest sequence that the model was made for. */
  readonly context: number;
  readonly epsilon: number;
  readonly activation: 'silu' | 'gelu_tanh' | 'gelu';
  /** What embeddings are multiplied by. */
  readonly embeddingScale: number;
  /** What a sublayer's output is multiplied by before it joins the residual stream. */
  readonly residualScale: number;
  readonly logitsDivisor: number;
  /** c of c tanh(logits / c); 0 for none. */
  readonly logitsCap: number;
  /** What products of queries and keys are multiplied by. */
  readonly scoreScale: number;
  /** c of c tanh(scores / c); 0 for none. */
  readonly scoreCap: number;
  /** What is added to the weights of norms. */
  readonly normOffset: number;
  readonly norms: BlockNorms;
  /** Norms of queries and keys: of each head, over the whole width, or none. */
  readonly headNorms: 'heads' | 'width' | 'none';
  /** Whether the head has a table of its own. */
  readonly tied: boolean;
  readonly blocks: readonly Block[];
  readonly rotary: ReadonlyMap<string, RotaryTable>;
}

/** Where most families have their norms. */
export const usualNorms: BlockNorms = {
  beforeAttention: 'input_layernorm',
  afterAttention: null,
  beforeMlp: 'post_attention_layernorm',
  afterMlp: null,
};
