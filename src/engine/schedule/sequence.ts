/** One request for an answer while it runs: its edit, how far its KV reaches, and the state of its sampling. */

import { Random } from '../../common/random.js';
import type { TokenConstraint } from '../grammar/constraints.js';
import type {
  ActivationEdit,
  FinishReason,
  SequenceRequest,
  SequenceStep,
  TokenLogprobs,
} from '../protocol.js';
import { areFlat, BrokenLogits } from '../sampling/broken-logits.js';
import type { Sampler } from '../sampling/sampler.js';
import { TokenHistory } from '../sampling/token-history.js';
import { type RawDistribution, readLogprobs } from '../sampling/token-logprobs.js';
import { inAnswer, type MonitoredEdit } from './monitored-edit.js';
import { QuietWatch, quietEdit } from './quiet-spans.js';

const nothingBanned: readonly number[] = [];

export class Sequence {
  /** Tokens whose keys and values are in the slot. */
  computed = 0;
  /** Tokens of the prompt that were known already when it began. */
  cached = 0;
  /** The token sampled last: the next decode step's input. */
  lastToken = -1;
  /** When the request came (performance.now()). */
  readonly arrived = performance.now();
  /** When its prefill began; null before. */
  begun: number | null = null;
  /** Set before the sequence runs, when its request has a constraint. */
  constraint: TokenConstraint | null = null;
  readonly #random: Random;
  readonly #history: TokenHistory;
  /** Tokens generated so far. */
  #count = 0;
  readonly #longestBadWord: number;
  /** The last tokens, as many as the longest bad word has. */
  #tail: readonly number[] = [];
  #promptLogprobs: TokenLogprobs[] = [];
  /** Of the prompt and the answer. */
  readonly wholeEdit: ActivationEdit;
  /** Its terms that act in the answer or are monitored, and where the monitored ones stand among them. */
  readonly #inAnswer: MonitoredEdit;
  readonly #monitored: readonly number[];
  readonly #quiet: QuietWatch | null;

  /**
   * @param edit the request's, with terms for the directions that it monitors (`withMonitored`)
   * @param monitored indices of the monitored directions' terms in `edit`
   * @param tokens text of each token, for requests with quiet spans
   */
  constructor(
    readonly id: number,
    readonly request: SequenceRequest,
    edit: ActivationEdit = request.edit,
    monitored: readonly number[] = [],
    tokens: readonly string[] = [],
  ) {
    const { length } = request.prompt;
    this.#quiet = request.quiet ? new QuietWatch(request.quiet, tokens) : null;
    this.wholeEdit = this.#quiet ? quietEdit(edit, this.#quiet, length) : edit;
    this.#monitored = monitored;
    // A window may end with a quiet span and open again: what counts is where the request's own ends.
    this.#inAnswer = inAnswer(this.wholeEdit, monitored, (index) => (edit[index]?.to ?? 0) > length);
    this.#random = new Random(request.sampling.seed);
    this.#longestBadWord = (request.badWords ?? []).reduce((most, word) => Math.max(most, word.length), 1);
    // Only the repetition penalty looks at the prompt's tokens.
    this.#history = new TokenHistory(request.sampling.repetitionPenalty === 1 ? [] : request.prompt);
  }

  /**
   * What acts where it is now. At most two objects serve a sequence's whole life, one for its prompt and one for its answer: vectors are
   * written to the graph's inputs again when the object changes.
   */
  get edit(): ActivationEdit {
    return this.#answers ? this.#inAnswer.edit : this.wholeEdit;
  }

  /** Indices of the monitored directions' terms in `edit`. */
  get monitored(): readonly number[] {
    return this.#answers ? this.#inAnswer.monitored : this.#monitored;
  }

  /** Whether the next position to compute is the answer's. */
  get #answers(): boolean {
    return this.computed >= this.request.prompt.length;
  }

  /** Whether the mask of its constraint, which tokens may come next, is not there yet. */
  get waitsForMask(): boolean {
    return this.constraint !== null && !this.constraint.ready;
  }

  /** Tokens that it may still generate. */
  get tokensLeft(): number {
    return this.request.maxTokens - this.#count;
  }

  /** Whether every prompt position's logits are wanted. */
  get readsPrompt(): boolean {
    return this.request.logprobs !== undefined && this.request.promptLogprobs === true;
  }

  /**
   * Reads the prompt's log-probabilities from logits [to - from, V] of its positions [from, to): those at one position
   * are of the token after it.
   */
  readPrompt(logits: Float32Array, from: number, to: number): void {
    const { prompt, logprobs = 0 } = this.request;
    const size = logits.length / (to - from);
    for (let position = from; position < Math.min(to, prompt.length - 1); position++) {
      const row = logits.subarray((position - from) * size, (position - from + 1) * size);
      const next = prompt[position + 1] ?? 0;
      const read = readLogprobs(row, logprobs);
      this.#promptLogprobs.push({ ...read.of(next), rank: read.rank(next) });
    }
  }

  #keepAllowed(logits: Float32Array): void {
    const { allowedTokens } = this.request;
    if (allowedTokens === undefined) return;
    const kept = allowedTokens.map((token) => logits[token] ?? Number.NEGATIVE_INFINITY);
    logits.fill(Number.NEGATIVE_INFINITY);
    for (const [i, token] of allowedTokens.entries()) logits[token] = kept[i] as number;
  }

  /** Tokens that cannot be sampled now, unless there are no others. */
  #banned(): readonly number[] {
    const { stopTokens, minTokens, badWords, allowedTokens } = this.request;
    const early = this.#count < minTokens ? stopTokens : nothingBanned;
    if (badWords === undefined) return early;
    const banned = [...early, ...this.#endsOfBadWords(badWords)];
    return allowedTokens?.every((token) => banned.includes(token)) ? early : banned;
  }

  /** Tokens that would complete a bad word now. */
  #endsOfBadWords(badWords: readonly (readonly number[])[]): number[] {
    return badWords.flatMap((word) => {
      const begin = word.slice(0, -1);
      const at = this.#tail.length - begin.length;
      const begun = at >= 0 && begin.every((token, i) => this.#tail[at + i] === token);
      return begun ? [word.at(-1) ?? -1] : [];
    });
  }

  /**
   * Samples the next token from its logits [V], which change in place.
   * @throws BrokenLogits when they are no finite numbers; ConstraintDeadEnd when the constraint allows no token; the grammar thread's failure
   */
  sample(logits: Float32Array, sampler: Sampler): SequenceStep {
    const { sampling, stopTokens, maxTokens, logprobs } = this.request;
    if (areFlat(logits)) throw new BrokenLogits();
    const banned = this.#banned();
    // Read before the sampler changes the logits.
    const raw: RawDistribution | null = logprobs === undefined ? null : readLogprobs(logits, logprobs);
    const first = this.#promptLogprobs;
    this.#promptLogprobs = [];
    const ofPrompt = this.readsPrompt && this.#count === 0 ? { promptLogprobs: first } : {};
    const { constraint } = this;
    sampler.dropUnused(logits);
    this.#keepAllowed(logits);
    constraint?.apply(logits, banned);
    const token = sampler.sample(
      logits,
      sampling,
      this.#history,
      constraint ? nothingBanned : banned,
      this.#random,
    );
    const ended = stopTokens.includes(token) || constraint?.endTokens.includes(token);
    if (!ended) constraint?.accept(token);
    if (ended) {
      const endToken = raw && { id: token, logprobs: raw.of(token) };
      return { token: null, finish: 'stop', ...(endToken && { endToken }), ...ofPrompt };
    }
    this.#count++;
    if (this.request.badWords) this.#tail = [...this.#tail, token].slice(-this.#longestBadWord);
    this.#history.add(token);
    this.lastToken = token;
    this.#quiet?.push(token);
    const finish: FinishReason | null = this.#count >= maxTokens ? 'length' : null;
    return { token, finish, ...(raw && { logprobs: raw.of(token) }), ...ofPrompt };
  }
}

/** Somebody waits for it: not for a job, which yields to those who do. */
export const isInteractive = ({ request }: Sequence): boolean => request.priority === 'interactive';
