/**
 * The unsteered model as the judge of answers: each is read after its own question, after other questions, and after
 * its question with the concept's message and with each decoy. A read of the engine takes a slice of many answers.
 */
import { periodicYield } from '../../common/yielding.js';
import { errors } from '../../errors.js';
import type { LoadedModel } from '../../models/model.js';
import { inAnotherLanguage, isRefusal } from '../answers/answer-checks.js';
import type { ConceptRole } from '../recipes/concept-prompt.js';
import type { ConceptStatement } from './concept-statement.js';
import { distinct2 } from './fluency.js';
import { type KnownReads, knownReadsOf } from './known-reads.js';
import type { JudgedAnswer } from './steering-scores.js';
import { chatPrompts } from './trial-prompts.js';

/** An answer to be judged. */
export interface GivenAnswer {
  /** Index of its question. */
  readonly question: number;
  readonly sampled: boolean;
  readonly tokens: readonly number[];
  /** Given without an edit: what is read of it is worth keeping, for others will ask for it again. */
  readonly unsteered?: boolean | undefined;
}

/** How an answer is judged. */
export interface Judging {
  /** Answers may be in another language than their question: the concept is one. Default: they may not. */
  readonly foreign?: boolean | undefined;
  /** So many of the decoys, from the first on. Default: all. */
  readonly decoys?: number | undefined;
  /** False where nobody asks: answers are not read after other questions, and their relevance is 0. Default: true. */
  readonly relevance?: boolean | undefined;
}

/** Other questions that an answer is read after; a greedy and a drawn one after different ones. */
const otherQuestions = 2;
/**
 * Pairs in one read of the engine, or a few more: what it holds of a read at once does not grow with a calibration. The
 * answers to the usual questions at a dozen shares are fewer.
 */
const mostPairs = 2048;
/** log 2: both prompts of the mixture weigh the same. */
const half = Math.LN2;

export class Judge {
  /** By question: token ids up to where the answer begins. */
  readonly plain: readonly (readonly number[])[];
  /** By question, with the concept stated; null where nothing states it. */
  readonly told: readonly (readonly number[])[] | null;
  /** Where the template carries the message. */
  readonly role: ConceptRole | null;
  /** By decoy, by question. */
  readonly #decoys: readonly (readonly (readonly number[])[])[];

  /** @throws SteerdError context_length_exceeded for a question that leaves no room for a message and `maxTokens` */
  constructor(
    readonly model: LoadedModel,
    readonly statement: ConceptStatement | null,
    readonly questions: readonly string[],
    maxTokens: number,
  ) {
    const stating = (message: string) =>
      chatPrompts(
        model,
        questions.map((content) => [{ role: 'user', content }]),
        message,
        maxTokens,
      );
    const own = stating(statement?.own ?? '');
    this.plain = own.pairs.map(({ prompt }) => prompt);
    this.role = own.role;
    this.told = statement === null ? null : own.pairs.map(({ stated, prompt }) => stated ?? prompt);
    this.#decoys = (statement?.decoys ?? []).map((decoy) =>
      stating(decoy).pairs.map(({ stated, prompt }) => stated ?? prompt),
    );
    if (questions.length < 2) throw errors.invalidValue('questions', 'at least 2', questions.length);
  }

  /**
   * @returns judgements in the order of the answers
   * @throws what the engine throws; the signal's reason when aborted
   */
  async judge(
    answers: readonly GivenAnswer[],
    signal: AbortSignal,
    { foreign = false, decoys, relevance = true }: Judging = {},
  ): Promise<JudgedAnswer[]> {
    return this.#inSlices(
      answers,
      signal,
      (answer, reads) => this.#reads(answer, reads, decoys, relevance),
      (answer, asked, scores) => this.#judged(answer, asked, scores, foreign),
    );
  }

  /**
   * The cheap part of a judgement: each answer is read twice and not a dozen times. Enough to find where to look.
   * @returns in the order of the answers
   */
  async glance(answers: readonly GivenAnswer[], signal: AbortSignal): Promise<Glance[]> {
    return this.#inSlices<TwoReads, Glance>(
      answers,
      signal,
      (answer, reads) => {
        const { question, tokens } = answer;
        if (tokens.length === 0) return null;
        const plain = reads.add(this.plain[question] as readonly number[], answer);
        return { plain, told: this.told && reads.add(this.told[question] as readonly number[], answer) };
      },
      ({ question, sampled, tokens }, asked, scores) => {
        if (asked === null) return { ...silence, question, sampled, gain: this.told && 0 };
        const plain = scores[asked.plain] as Float32Array;
        const told = asked.told === null ? null : (scores[asked.told] as Float32Array);
        return {
          question,
          sampled,
          gain: told && mean(told) - mean(plain),
          logProbability: mixture(plain, told),
          distinct2: distinct2(tokens),
        };
      },
    );
  }

  /**
   * @param ask adds what is to be read of an answer; null where nothing is
   * @param tell makes of what was asked, and of all scores of its slice, what is told of the answer
   */
  async #inSlices<Asked, Told>(
    answers: readonly GivenAnswer[],
    signal: AbortSignal,
    ask: (answer: GivenAnswer, reads: Reads) => Asked | null,
    tell: (answer: GivenAnswer, asked: Asked | null, scores: readonly Float32Array[]) => Told | Promise<Told>,
  ): Promise<Told[]> {
    const yieldIfDue = periodicYield(signal);
    const told: Told[] = [];
    while (told.length < answers.length) {
      const reads = new Reads(knownReadsOf(this.model.engine.shape));
      const slice: { readonly answer: GivenAnswer; readonly asked: Asked | null }[] = [];
      for (const answer of answers.slice(told.length)) {
        if (reads.pairs.length >= mostPairs) break;
        await yieldIfDue();
        slice.push({ answer, asked: ask(answer, reads) });
      }
      const request = { ...reads.request(), priority: 'background' } as const;
      const scores = reads.all(
        reads.pairs.length === 0 ? [] : await this.model.engine.scoreMany(request, signal),
      );
      for (const { answer, asked } of slice) {
        await yieldIfDue();
        told.push(await tell(answer, asked, scores));
      }
    }
    return told;
  }

  #reads(answer: GivenAnswer, reads: Reads, decoys: number | undefined, relevance: boolean): AllReads | null {
    const { question, sampled, tokens } = answer;
    if (tokens.length === 0) return null;
    const add = (prompts: readonly (readonly number[])[], at = question) =>
      reads.add(prompts[at] as readonly number[], answer);
    const count = this.questions.length;
    const others = relevance ? Math.min(otherQuestions, count - 1) : 0;
    const step = Math.max(1, Math.floor(count / (others + 1)));
    const shift = sampled && others * step + 1 < count ? 1 : 0;
    return {
      plain: add(this.plain),
      told: this.told === null ? null : add(this.told),
      decoys: this.#decoys.slice(0, decoys).map((prompts) => add(prompts)),
      others: Array.from({ length: others }, (_, i) =>
        add(this.plain, (question + (i + 1) * step + shift) % count),
      ),
    };
  }

  async #judged(
    { question, sampled, tokens }: GivenAnswer,
    asked: AllReads | null,
    scores: readonly Float32Array[],
    foreign: boolean,
  ): Promise<JudgedAnswer> {
    const known = this.told !== null && this.#decoys.length > 0;
    if (asked === null)
      return { ...silence, question, sampled, ...(known ? notShown : { evidence: null, identified: null }) };
    const of = (read: number) => scores[read] as Float32Array;
    const total = (read: number) => of(read).reduce((sum, value) => sum + value, 0);
    const n = tokens.length;
    const told = asked.told === null ? null : total(asked.told);
    const decoys = asked.decoys.map(total);
    const text = this.model.tokenizer.decode(tokens, { skipSpecialTokens: true });
    const elsewhere = !foreign && (await inAnotherLanguage(text, this.questions[question] as string));
    return {
      question,
      sampled,
      evidence: told === null || decoys.length === 0 ? null : (told - logMean(decoys)) / n,
      identified: told === null || decoys.length === 0 ? null : decoys.every((decoy) => decoy < told),
      logProbability: mixture(of(asked.plain), asked.told === null ? null : of(asked.told)),
      relevance: asked.others.length === 0 ? 0 : (total(asked.plain) - logMean(asked.others.map(total))) / n,
      distinct2: distinct2(tokens),
      failed: text.trim() === '' || isRefusal(text) || elsewhere,
    };
  }
}

/** What two reads tell of an answer. */
export interface Glance extends Pick<JudgedAnswer, 'question' | 'sampled' | 'logProbability' | 'distinct2'> {
  /** How much likelier it is with the concept stated, in nats per token; null where nothing states it. */
  readonly gain: number | null;
}

/** Indices of the reads of one answer. */
interface TwoReads {
  readonly plain: number;
  readonly told: number | null;
}

interface AllReads extends TwoReads {
  readonly decoys: readonly number[];
  readonly others: readonly number[];
}

/** An answer without a token: nothing can be read of it. Its likelihood is that of a text that is no language. */
const silence = {
  logProbability: -10,
  relevance: 0,
  distinct2: 0,
  failed: true,
} as const;
/** Nothing is told of the concept, where something could be. */
const notShown = { evidence: 0, identified: false } as const;

/** The engine's pairs: every prompt and every answer once, and nothing that is known from before. */
class Reads {
  readonly #prompts = new Map<readonly number[], number>();
  readonly #answers = new Map<string, number>();
  readonly #tokens: (readonly number[])[] = [];
  readonly #places = new Map<string, number>();
  /** By read: what it is of, and where its numbers come from. */
  readonly #reads: {
    readonly prompt: readonly number[];
    readonly tokens: readonly number[];
    readonly keep: boolean;
    readonly from: Float32Array | number;
  }[] = [];
  readonly pairs: (readonly [number, number])[] = [];

  constructor(private readonly known: KnownReads) {}

  /** @returns the index of the read */
  add(prompt: readonly number[], { tokens, unsteered: keep = false }: GivenAnswer): number {
    const p = this.#prompts.get(prompt) ?? this.#prompts.size;
    this.#prompts.set(prompt, p);
    const key = tokens.join();
    let a = this.#answers.get(key);
    if (a === undefined) {
      a = this.#tokens.push(tokens) - 1;
      this.#answers.set(key, a);
    }
    // The same answer to the same question, such as one that no edit changed, is read once.
    const pair = `${p} ${a}`;
    let place = this.#places.get(pair);
    if (place === undefined) {
      const before = keep ? this.known.get(prompt, tokens) : undefined;
      const from = before ?? this.pairs.push([p, a]) - 1;
      place = this.#reads.push({ prompt, tokens, keep, from }) - 1;
      this.#places.set(pair, place);
    }
    return place;
  }

  request() {
    return { prompts: [...this.#prompts.keys()], answers: this.#tokens, pairs: this.pairs };
  }

  /** Of every read its numbers. @param scores of the pairs */
  all(scores: readonly Float32Array[]): Float32Array[] {
    return this.#reads.map(({ prompt, tokens, keep, from }) => {
      if (typeof from !== 'number') return from;
      const read = scores[from] as Float32Array;
      if (keep) this.known.set(prompt, tokens, read);
      return read;
    });
  }
}

const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** log mean exp. */
function logMean(values: readonly number[]): number {
  const most = Math.max(...values);
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0) / values.length);
}

/** Mean over the tokens of log (p_plain / 2 + p_told / 2); of log p_plain where nothing states the concept. */
function mixture(plain: Float32Array, told: Float32Array | null): number {
  let sum = 0;
  for (const [i, a] of plain.entries()) {
    const b = told?.[i] ?? a;
    sum += Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b))) - half;
  }
  return sum / plain.length;
}
