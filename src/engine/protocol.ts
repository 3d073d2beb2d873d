/**
 * What crosses the border between the HTTP thread and a model's worker: token ids, activation edits and
 * activations, never text and never a tensor handle. Both directions are one discriminated union each;
 * the worker posts one message per engine step.
 */
import type { ConstraintSource, GrammarVocabulary } from './grammar/grammar-library.js';

/** What a loaded model is, as far as its users need to know. */
export interface ModelShape {
  /** L: number of decoder blocks. */
  readonly layers: number;
  /** H: width of the residual stream. */
  readonly hiddenSize: number;
  /** Query heads of one attention layer. */
  readonly heads: number;
  readonly vocabularySize: number;
  /** Tokens a slot holds: prompt and answer together. */
  readonly capacity: number;
  /** Sequences that run at once. */
  readonly slots: number;
  /** SHA-256 (hex) over the graph and samples of the weights: which export this is. */
  readonly fingerprint: string;
}

/**
 * One concept's part of an activation edit: h <- h + (add[l] + scale[l] * <h, v_l>) v_l at every block l,
 * for absolute positions from <= p < to.
 */
export interface EditTerm {
  /** [L * H] unit vectors, row l edits the output of block l. Backed by a SharedArrayBuffer: never copied. */
  readonly vectors: Float32Array;
  /** [L] additive coefficients a. */
  readonly add: Float32Array;
  /** [L] projection coefficients s. */
  readonly scale: Float32Array;
  readonly from: number;
  /** Exclusive; Infinity for an open end. */
  readonly to: number;
}

export type ActivationEdit = readonly EditTerm[];

export interface Sampling {
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topP: number;
  /** 0 is off. */
  readonly topK: number;
  readonly minP: number;
  /** 1 is off. */
  readonly repetitionPenalty: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  /** Token id and the amount added to its logit. */
  readonly logitBias: readonly (readonly [number, number])[];
  /** Unsigned 32-bit. Same seed, same tokens, whatever else runs. */
  readonly seed: number;
}

export const greedy: Sampling = {
  temperature: 0,
  topP: 1,
  topK: 0,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: [],
  seed: 0,
};

/**
 * Background work (fits, calibration) gives way to interactive work, but never waits for ever: beside it, it has
 * about a third of the time and at most half of the slots.
 */
export type Priority = 'interactive' | 'background';

export interface SequenceRequest {
  /** Token ids, at least one. */
  readonly prompt: readonly number[];
  /** At least 1; prompt + maxTokens must fit the capacity. */
  readonly maxTokens: number;
  /** Ids that end the sequence; they are not part of the answer. */
  readonly stopTokens: readonly number[];
  /** Stop tokens cannot be sampled before that many tokens. */
  readonly minTokens: number;
  readonly sampling: Sampling;
  readonly edit: ActivationEdit;
  /** [L * H] unit vectors each, in shared memory: their projections come with every token. None by default. */
  readonly monitor?: readonly Float32Array[];
  /**
   * Log-probabilities with every token: of itself and of that many likeliest ones (0 to 20). They are the model's,
   * before bias, penalties, temperature and constraint. None by default.
   */
  readonly logprobs?: number;
  /** Also of the prompt's tokens from the second on, with the first step. Only with `logprobs`. */
  readonly promptLogprobs?: boolean;
  /** Only these tokens may come, at least one; all when left out. Never with a constraint. */
  readonly allowedTokens?: readonly number[];
  /** Sequences of tokens that may not come: not one more of them is begun than all but its last token. */
  readonly badWords?: readonly (readonly number[])[];
  /** What the answer's text must be. It compiles: `Engine.generate` has tried. */
  readonly constraint?: ConstraintSource;
  /** The request's field that asks for it, for errors. */
  readonly constraintField?: string;
  readonly priority: Priority;
}

/** Log-probabilities in nats at one position. */
export interface TokenLogprobs {
  /** Of the token that came. */
  readonly chosen: number;
  /** Of a prompt's token: how many are likelier, and one. */
  readonly rank?: number;
  /** Token id and log-probability of the likeliest ones, likeliest first, the lowest id among equals. */
  readonly top: readonly (readonly [id: number, logprob: number])[];
}

export type FinishReason = 'stop' | 'length';

/** What one engine step made for one sequence. */
export interface SequenceStep {
  /** The token sampled, or null when a stop token ended the sequence. */
  readonly token: number | null;
  readonly finish: FinishReason | null;
  /**
   * [M, L] <h, v> at every block's output, before its edit, at the position whose logits made the token: there
   * when the request monitors something and a token was made.
   */
  readonly projections?: Float32Array;
  /** Of a sequence's first step: how it came to be, in milliseconds. */
  readonly timing?: { readonly queued: number; readonly prefill: number };
  /** There when the request asks for them and a token was made. */
  readonly logprobs?: TokenLogprobs;
  /** [prompt.length - 1], with the first step, when the request asks for them. */
  readonly promptLogprobs?: readonly TokenLogprobs[];
}

/** Activations of a text, read by the capture graph without any edit. */
export interface CaptureRequest {
  readonly tokens: readonly number[];
  /** P positions to read, each inside `tokens`. */
  readonly positions: readonly number[];
  /** Key positions [start, end) whose attention is summed. Empty (start = end) when none matters. */
  readonly span: readonly [start: number, end: number];
  /**
   * Tokens at the beginning that the next captures share (default 0), none of them read. They are computed
   * apart from the rest and kept: the same request gives the same numbers whether they were still there or not.
   */
  readonly shared?: number;
}

export interface Capture {
  /** [L, P, H] block outputs. */
  readonly hiddenStates: Float32Array;
  /** [L, heads, P] attention from each position summed over the span. */
  readonly attentionToPrefix: Float32Array;
}

/** Teacher-forced log-probabilities. */
export interface ScoreRequest {
  readonly tokens: readonly number[];
  /** First position scored, at least 1: result[i] = log p(tokens[from + i] | tokens before it), in nats. */
  readonly from: number;
  readonly edit: ActivationEdit;
  readonly priority: Priority;
  /**
   * Tokens at the beginning that the next texts share (default 0), at most `from - 1`. They are computed apart
   * from the rest and, without an edit, kept: the same request gives the same numbers either way.
   */
  readonly shared?: number;
}

/** Projections of a given text, read without any edit. */
export interface ProjectRequest {
  readonly tokens: readonly number[];
  /** M times [L * H] unit vectors, in shared memory. */
  readonly vectors: readonly Float32Array[];
  readonly priority: Priority;
}

/** Where a model runs. */
export interface DeviceSettings {
  /** `auto`: the first of cuda, webgpu and cpu that works. */
  readonly device: 'auto' | 'cuda' | 'webgpu' | 'cpu';
  /** Which CUDA device. */
  readonly deviceIndex: number;
  /** Bytes of its memory that CUDA may take; 0 for no limit. */
  readonly deviceMemory: number;
  /** Whether decode steps shall be recorded as device graphs and replayed; not when left out. */
  readonly deviceGraph?: boolean;
}

/**
 * How the CPU multiplies weights of few bits where the export leaves it open. `int8`: activations are quantised to 8 bits
 * (MatMulNBits `accuracy_level` 4). `export`: they stay float32, whatever it costs. `auto`: `int8` but for 4-bit weights in
 * wide blocks, where an answer would come to depend on those computed beside it.
 */
export const arithmetics = ['auto', 'int8', 'export'] as const;
export type Arithmetic = (typeof arithmetics)[number];

/** How a worker loads its model. */
export interface WorkerSettings {
  /** The CPU when left out. */
  readonly where?: DeviceSettings;
  /** `auto` when left out. */
  readonly arithmetic?: Arithmetic;
  /** Folder with model.onnx, its weights and its configuration. */
  readonly directory: string;
  /** Intra-op threads; 0 chooses by the machine. */
  readonly threads: number;
  readonly slots: number;
  /** Tokens a slot holds; 0 takes the model's context, at most `defaultCapacity`. */
  readonly capacity: number;
  /** Prompt tokens computed between two decode steps. */
  readonly prefillChunk: number;
}

/** An error on its way between threads. */
export interface WireError {
  readonly message: string;
  /** Whether it is the request's constraint that is at fault, and not the engine. */
  readonly constraint?: boolean;
}

export interface SequenceResult extends SequenceStep {
  readonly id: number;
}

export type ToWorker =
  /** Once, before the first sequence with a constraint. */
  | { readonly type: 'vocabulary'; readonly vocabulary: GrammarVocabulary }
  | { readonly type: 'generate'; readonly id: number; readonly request: SequenceRequest }
  | { readonly type: 'capture'; readonly id: number; readonly request: CaptureRequest }
  | { readonly type: 'score'; readonly id: number; readonly request: ScoreRequest }
  | { readonly type: 'project'; readonly id: number; readonly request: ProjectRequest }
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'close' };

export type FromWorker =
  | {
      readonly type: 'ready';
      readonly shape: ModelShape;
      readonly runOptions: bigint;
      readonly device: string;
      /** What the log should say once: an unexpected device, an export without GroupQueryAttention. */
      readonly warnings: readonly string[];
    }
  | { readonly type: 'refused'; readonly error: WireError }
  | { readonly type: 'step'; readonly results: readonly SequenceResult[]; readonly running: number }
  | { readonly type: 'captured'; readonly id: number; readonly capture: Capture }
  | { readonly type: 'scored'; readonly id: number; readonly logProbabilities: Float32Array }
  | { readonly type: 'projected'; readonly id: number; readonly projections: Float32Array }
  | { readonly type: 'failed'; readonly id: number; readonly error: WireError };
