/** One request while it runs: its tokens, how far its KV reaches, and its sampling state. */

import { Random } from '../../common/random.js';
import type { TokenConstraint } from '../grammar/constraints.js';
import type { FinishReason, SequenceRequest, SequenceStep, TokenLogprobs } from '../protocol.js';
import { type MonitoredEdit, monitoredEdit } from '../run/monitored-edit.js';
import type { Sampler, TokenHistory } from '../sampling/sampler.js';
import { type RawDistribution, readLogprobs } from '../sampling/token-logprobs.js';

const nothingBanned: readonly number[] = [];

export class Sequence {
  /** Tokens whose keys and values are in the slot. */
  computed = 0;
  /** The token sampled last: the next decode step's input. */
  lastToken = -1;
  /** The request's edit, and what it monitors. */
  readonly steering: MonitoredEdit;
  /** When it came, and when its first chunk was begun; performance.now(). */
  readonly arrived = performance.now();
  begun: number | null = null;
  /** Set before the sequence runs, when its request has one. */
  constraint: TokenConstraint | null = null;
  readonly #random: Random;
  readonly #generated = new Map<number, number>();
  readonly #history: TokenHistory;
  #count = 0;
  readonly #longestBadWord: number;
  /** The last tokens, as many as the longest bad word has. */
  #tail: readonly number[] = [];
  #promptLogprobs: TokenLogprobs[] = [];

  constructor(
    readonly id: number,
    readonly request: SequenceRequest,
  ) {
    // One object for the sequence's life: the steering inputs are written again when it changes.
    this.steering = monitoredEdit(request.edit, request.monitor ?? []);
    this.#random = new Random(request.sampling.seed);
    // The prompt's tokens matter to the repetition penalty alone.
    const prompt = new Set(request.sampling.repetitionPenalty === 1 ? [] : request.prompt);
    this.#longestBadWord = (request.badWords ?? []).reduce((most, word) => Math.max(most, word.length), 1);
    this.#history = { generated: this.#generated, prompt };
  }

  /** Whether its constraint has yet to say which tokens may come next. */
  get waitsForMask(): boolean {
    return this.constraint !== null && !this.constraint.ready;
  }

  /** Tokens generated so far. */
  get generated(): number {
    return this.#count;
  }

  /** Prompt tokens not yet in the KV cache. */
  get promptLeft(): number {
    return Math.max(0, this.request.prompt.length - this.computed);
  }

  /** Whether every prompt position's logits are wanted. */
  get readsPrompt(): boolean {
    return this.request.logprobs !== undefined && this.request.promptLogprobs === true;
  }

  /**
   * Takes the logits [to - from, V] of prompt positions [from, to): each speaks of the token after it.
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

  /** What may not come now, unless nothing else could. */
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

  /** Samples the next token and says whether the sequence ends with it. */
  advance(logits: Float32Array, sampler: Sampler): SequenceStep {
    const { sampling, stopTokens, maxTokens, logprobs } = this.request;
    const banned = this.#banned();
    // Before the sampler changes the logits in place.
    const raw: RawDistribution | null = logprobs === undefined ? null : readLogprobs(logits, logprobs);
    const first = this.#promptLogprobs;
    this.#promptLogprobs = [];
    const ofPrompt = this.readsPrompt && this.#count === 0 ? { promptLogprobs: first } : {};
    const { constraint } = this;
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
    if (ended) return { token: null, finish: 'stop', ...ofPrompt };
    this.#count++;
    this.#tail = [...this.#tail, token].slice(-this.#longestBadWord);
    this.#generated.set(token, (this.#generated.get(token) ?? 0) + 1);
    this.lastToken = token;
    const finish: FinishReason | null = this.#count >= maxTokens ? 'length' : null;
    return { token, finish, ...(raw && { logprobs: raw.of(token) }), ...ofPrompt };
  }
}
