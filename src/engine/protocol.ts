/**
 * The messages between the HTTP thread and a model's worker thread, and what they are made of: token ids, activation
 * edits and activations, never text and never a tensor handle. `ToWorker` and `FromWorker` are one discriminated union
 * for each direction; the worker posts at most one `step` message for each turn of its loop.
 */

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
 * Background work (fits, calibration) gives way to interactive work but does not starve: while there is interactive
 * work, it gets about a third of the time and at most half of the slots.
 */
export type Priority = 'interactive' | 'background';

/**
 * What an answer's text must match, as xgrammar reads it. JSON schemas become grammars before they come here
 * (src/json-grammar).
 */
export type ConstraintSource = (
  | /** xgrammar's structural tags as JSON: for text with tool calls and regular expressions. */
  { readonly kind: 'structural_tag'; readonly tag: string }
  /** A grammar in EBNF. */
  | { readonly kind: 'grammar'; readonly source: string }
) & {
  /** Known to compile in no time, so that only a busy machine can make it late: it is waited for. */
  readonly small?: boolean;
};

/** A model's tokens as xgrammar reads them. */
export interface GrammarVocabulary {
  /** By id, in GPT-2's alphabet for bytes; empty for a token that no text may contain. */
  readonly tokens: readonly string[];
  readonly endTokens: readonly number[];
}

/** Parts of an answer in which its edit does not act, by the marks around them in the alphabet of GrammarVocabulary. */
export interface QuietSpans {
  /** Whether the answer begins with one. */
  readonly fromStart: boolean;
  readonly opens: readonly string[];
  /** None where one that is open lasts to the end. */
  readonly closes: readonly string[];
}

/** Most `logprobs` of a request (OpenAI API reference, `top_logprobs`). */
export const mostTopLogprobs = 20;

export interface SequenceRequest {
  /** Token ids, at least one. */
  readonly prompt: readonly number[];
  /** At least 1; prompt + maxTokens must fit the capacity. */
  readonly maxTokens: number;
  /** Ids that end the sequence; they are not part of the answer. */
  readonly stopTokens: readonly number[];
  /** Stop tokens cannot be sampled before that many tokens were generated. */
  readonly minTokens: number;
  readonly sampling: Sampling;
  /** The activation edit of this sequence; no terms for none. */
  readonly edit: ActivationEdit;
  /** Where the edit does not act; everywhere it does when left out. Needs a vocabulary, as constraints do. */
  readonly quiet?: QuietSpans;
  /** Directions whose projections come with every token: [L * H] unit vectors each, in shared memory. None by default. */
  readonly monitor?: readonly Float32Array[];
  /**
   * Log-probabilities come with every token: its own, and those of this many likeliest tokens (0 to 20). They are the
   * model's, before bias, penalties, temperature and constraint. None by default.
   */
  readonly logprobs?: number;
  /** The first step also has the log-probabilities of the prompt's tokens, from the second on. Only with `logprobs`. */
  readonly promptLogprobs?: boolean;
  /** Only these tokens can be sampled, at least one; all when left out. Never with a constraint. */
  readonly allowedTokens?: readonly number[];
  /** Token sequences that the answer must not contain: the last token of one is not sampled after all its others. */
  readonly badWords?: readonly (readonly number[])[];
  /** What the answer's text must match. It compiles: `Engine.generate` has checked. */
  readonly constraint?: ConstraintSource;
  /** The request's field that has the constraint, for errors. */
  readonly constraintField?: string;
  readonly priority: Priority;
  /**
   * Whose it is: beginnings of prompts that were computed before are used again within one such space only. The
   * server's own when left out.
   */
  readonly space?: string;
}

/** Log-probabilities in nats at one position. */
export interface TokenLogprobs {
  /** Of the token at that position. */
  readonly chosen: number;
  /** Of a prompt's token: 1 for the likeliest. */
  readonly rank?: number;
  /** Token id and log-probability of the likeliest tokens, likeliest first, the lowest id among equals. */
  readonly top: readonly (readonly [id: number, logprob: number])[];
}

export type FinishReason = 'stop' | 'length';

/** One step of one sequence: a token, or the end. */
export interface SequenceStep {
  /** The token sampled, or null when a stop token ended the sequence. */
  readonly token: number | null;
  readonly finish: FinishReason | null;
  /**
   * [M, L] <h, v> at every block's output, before its edit, at the position whose logits the token was sampled from.
   * Only when the request has `monitor` and there is a token.
   */
  readonly projections?: Float32Array;
  /**
   * Of a sequence's first step: milliseconds in the queue, and from the first chunk of the prompt to this step; and how
   * many of the prompt's tokens were not computed, since they had been before.
   */
  readonly timing?: { readonly queued: number; readonly prefill: number; readonly cached: number };
  /** Only when the request has `logprobs` and there is a token. */
  readonly logprobs?: TokenLogprobs;
  /**
   * Of the last step of a run that computed a draft with the sequence's next token: tokens guessed, and how many of them
   * were right.
   */
  readonly draft?: { readonly guessed: number; readonly right: number };
  /** [prompt.length - 1]; only of the first step, when the request has `promptLogprobs`. */
  readonly promptLogprobs?: readonly TokenLogprobs[];
  /** The stop token that ended the sequence; only when the request has `logprobs` and `token` is null. */
  readonly endToken?: { readonly id: number; readonly logprobs: TokenLogprobs };
}

/** Asks for activations of a given text, computed by the capture graph without any edit. */
export interface CaptureRequest {
  readonly tokens: readonly number[];
  /** P positions to read, each inside `tokens`. */
  readonly positions: readonly number[];
  /** Key positions [start, end) whose attention is summed; start = end sums none. */
  readonly span: readonly [start: number, end: number];
  /**
   * Length of a prefix that the next captures share (default 0); no position lies in it. The prefix is computed in
   * chunks of its own and stays cached: the numbers are the same whether it was cached or not.
   */
  readonly shared?: number;
}

export interface Capture {
  /** [L, P, H] block outputs. */
  readonly hiddenStates: Float32Array<ArrayBuffer>;
  /** [L, heads, P] attention from each position summed over the span. */
  readonly attentionToPrefix: Float32Array<ArrayBuffer>;
}

/** Asks for log-probabilities of a given text (teacher forcing). */
export interface ScoreRequest {
  readonly tokens: readonly number[];
  /** First position scored, at least 1: result[i] = log p(tokens[from + i] | tokens before it), in nats. */
  readonly from: number;
  readonly edit: ActivationEdit;
  readonly priority: Priority;
  /**
   * Length of a prefix that the next texts share (default 0), at most `from - 1`. It is computed in chunks of its own
   * and, without an edit, stays cached: the numbers are the same whether it was cached or not.
   */
  readonly shared?: number;
}

/**
 * Asks for log-probabilities of many answers, each after one or more of many prompts. Beginnings that texts have in
 * common are computed once. The numbers of a pair are those of a `ScoreRequest` for it: on the CPU to the bit where the
 * chunks of a text compute what the whole text does (docs/decisions, record 4), else within rounding.
 */
export interface PairsRequest {
  /** Token ids, at least one each. */
  readonly prompts: readonly (readonly number[])[];
  /** Token ids, at least one each. */
  readonly answers: readonly (readonly number[])[];
  /** Index of a prompt and index of an answer, in any order. */
  readonly pairs: readonly (readonly [prompt: number, answer: number])[];
  /**
   * Of each prompt: the edit under which it and its answers are read. None for all when left out. Prompts with the same
   * object share what they have in common.
   */
  readonly edits?: readonly ActivationEdit[];
  readonly priority: Priority;
}

/** Of N tokens, each after the tokens before it, in nats. */
export interface Divergence {
  /** [N] log-probability under the edit. */
  readonly steered: Float32Array;
  /** [N] log-probability without any edit. */
  readonly unsteered: Float32Array;
  /**
   * [N] KL(p_steered || p_unsteered) over the whole vocabulary: sum_t p_steered(t) log(p_steered(t) / p_unsteered(t)).
   * Never negative, and zero without an edit. float32, so it is good to about 1e-5.
   */
  readonly divergence: Float32Array;
}

/** Asks for projections of a given text, computed without any edit. */
export interface ProjectRequest {
  readonly tokens: readonly number[];
  /** M times [L * H] unit vectors, in shared memory. */
  readonly vectors: readonly Float32Array[];
  readonly priority: Priority;
}

/** An error as a message between threads carries it. */
export interface WireError {
  readonly message: string;
  /** Whether the request's constraint is at fault, and not the engine. */
  readonly constraint?: boolean;
  /** The request's numbers overflowed: in which block that began, null when it is not known. */
  readonly brokenLayer?: number | null;
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
  | { readonly type: 'score pairs'; readonly id: number; readonly request: PairsRequest }
  | { readonly type: 'compare pairs'; readonly id: number; readonly request: PairsRequest }
  | { readonly type: 'project'; readonly id: number; readonly request: ProjectRequest }
  | { readonly type: 'cancel'; readonly id: number }
  /** Bytes that beginnings of prompts may take from now on. */
  | { readonly type: 'keep'; readonly bytes: number }
  | { readonly type: 'close' };

export type FromWorker =
  | {
      readonly type: 'ready';
      readonly shape: ModelShape;
      /** Handle of the run options of all runs: `terminateRun` with it ends the run in progress. */
      readonly runOptions: bigint;
      /** cuda, webgpu or cpu. */
      readonly device: string;
      /** For the log, once: an unexpected device, an export without GroupQueryAttention, ... */
      readonly warnings: readonly string[];
      /** For the log, once: what is as it should be. */
      readonly notes: readonly string[];
    }
  | { readonly type: 'refused'; readonly error: WireError }
  | { readonly type: 'step'; readonly results: readonly SequenceResult[]; readonly running: number }
  | { readonly type: 'captured'; readonly id: number; readonly capture: Capture }
  /** Of pairs: all answers' numbers, in the order of the pairs. */
  | { readonly type: 'scored'; readonly id: number; readonly logProbabilities: Float32Array }
  | { readonly type: 'compared'; readonly id: number; readonly divergence: Divergence }
  | { readonly type: 'projected'; readonly id: number; readonly projections: Float32Array }
  | { readonly type: 'failed'; readonly id: number; readonly error: WireError };
