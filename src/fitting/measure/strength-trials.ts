/**
 * The answers that strength is measured by: plain and told ones once for a model and a statement of the concept, steered
 * ones for any concept under any edit. Candidates of one fit share the references.
 */
import { mapConcurrent } from '../../common/map-concurrent.js';
import { type ActivationEdit, greedy, type Sampling } from '../../engine/protocol.js';
import type { LoadedModel } from '../../models/model.js';
import { inAnotherLanguage } from '../answers/answer-checks.js';
import { answersInFlight } from '../answers/answers-in-flight.js';
import { plainAnswer } from '../answers/known-answers.js';
import { writeAnswer } from '../answers/write-answer.js';
import type { OnProgress } from '../recipes/recipe.js';
import type { ConceptStatement } from './concept-statement.js';
import { type GivenAnswer, type Glance, Judge } from './judge.js';
import type { JudgedAnswer, ReferenceAnswers } from './steering-scores.js';

interface TrialSettings {
  readonly model: LoadedModel;
  /** Null for a concept that nothing states. */
  readonly statement: ConceptStatement | null;
  readonly questions: readonly string[];
  readonly maxTokens: number;
  /** Whether one answer at a temperature comes with each greedy one, of plain and told answers too. Default: true. */
  readonly sampled?: boolean | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/** The same edit for every prompt, or one that depends on how many tokens a prompt has. */
export type PromptEdit = ActivationEdit | ((promptLength: number) => ActivationEdit);

/** Which answers are given: to which questions, and whether one at a temperature comes with each greedy one. */
export interface Selection {
  readonly questions: readonly number[];
  readonly sampled: boolean;
  /** After how many of the decoys they are read. Default: all. */
  readonly decoys?: number | undefined;
  /** False where nobody asks whether steered answers still answer: then they are not read after other questions. */
  readonly relevance?: boolean | undefined;
}

/** An answer with what was read of it. */
export interface TriedAnswer extends GivenAnswer {
  readonly judged: JudgedAnswer;
}

export interface References extends ReferenceAnswers {
  readonly plainAnswers: readonly TriedAnswer[];
  readonly toldAnswers: readonly TriedAnswer[];
}

/** What was answered without an edit, before it is judged. */
interface Unsteered {
  readonly plain: readonly GivenAnswer[];
  readonly told: readonly GivenAnswer[];
  /** The told model answers in another language than it is asked: then that is the concept. */
  readonly foreign: boolean;
}

/** Of the second answer to each question: greedy text loops where sampled text does not. */
const temperature = 0.8;
const topP = 0.95;

export class StrengthTrials {
  readonly judge: Judge;
  #references: Promise<References> | null = null;
  #written: Promise<Unsteered> | null = null;

  /** @throws SteerdError context_length_exceeded */
  constructor(readonly settings: TrialSettings) {
    const { model, statement, questions, maxTokens } = settings;
    this.judge = new Judge(model, statement, questions, maxTokens);
  }

  /** All questions, greedy and, unless the settings say otherwise, sampled. */
  get everything(): Selection {
    const { questions, sampled = true } = this.settings;
    return { questions: questions.map((_, index) => index), sampled };
  }

  /** Plain and told answers to every question, answered and judged at the first call. */
  references(): Promise<References> {
    this.#references ??= this.#measureReferences();
    return this.#references;
  }

  /** The references to the questions of a selection, judged as it says. */
  async referencesOf(selection: Selection): Promise<References> {
    const of = <Answer extends GivenAnswer>(answers: readonly Answer[]) => chosen(answers, selection);
    if (selection.decoys === undefined) {
      const { plainAnswers, toldAnswers } = await this.references();
      return asReferences(of(plainAnswers), of(toldAnswers));
    }
    const { plain, told } = await this.#unsteered();
    const [plainOnes, toldOnes] = [of(plain), of(told)];
    const tried = await this.#judge([...plainOnes, ...toldOnes], selection.decoys);
    return asReferences(tried.slice(0, plainOnes.length), tried.slice(plainOnes.length));
  }

  /** Has plain and told answers to every question given, if they are not: what every candidate is compared with. */
  async prepare(): Promise<void> {
    await this.#unsteered();
  }

  #unsteered(): Promise<Unsteered> {
    this.#written ??= this.#writeUnsteered();
    return this.#written;
  }

  async #writeUnsteered(): Promise<Unsteered> {
    const { questions, model } = this.settings;
    const jobs = this.#jobs(this.everything);
    const { told: prompts } = this.judge;
    const plain = await this.#answer(jobs, this.judge.plain, 'answer plainly');
    const told = prompts === null ? [] : await this.#answer(jobs, prompts, 'answer as told');
    const languages = await Promise.all(
      told.map(({ tokens, question }) =>
        inAnotherLanguage(model.tokenizer.decode(tokens), questions[question] as string),
      ),
    );
    return { plain, told, foreign: languages.filter(Boolean).length * 2 > told.length };
  }

  async #measureReferences(): Promise<References> {
    const { plain, told } = await this.#unsteered();
    const tried = await this.#judge([...plain, ...told]);
    return asReferences(tried.slice(0, plain.length), tried.slice(plain.length));
  }

  async #judge(
    answers: readonly GivenAnswer[],
    decoys?: number,
    relevance?: boolean,
  ): Promise<TriedAnswer[]> {
    const { foreign } = await this.#unsteered();
    this.settings.onProgress('judge', 0, 1);
    const judged = await this.judge.judge(answers, this.settings.signal, { foreign, decoys, relevance });
    return answers.map((answer, i) => ({ ...answer, judged: judged[i] as JudgedAnswer }));
  }

  /**
   * Answers under each edit, judged; where the references are not judged yet, these with them, so that the questions are
   * read once.
   * @param told whether the model is told the concept as well: what is left of it under an edit that takes it away
   */
  async steered(edits: readonly PromptEdit[], selection: Selection, told = false): Promise<TriedAnswer[][]> {
    const { decoys, relevance = true } = selection;
    const unsteered = await this.#unsteered();
    const prompts = told ? (this.judge.told ?? this.judge.plain) : this.judge.plain;
    const jobs = this.#jobs(selection);
    const all = edits.flatMap((edit) => jobs.map((job) => ({ ...job, edit })));
    const answers = await this.#answer(all, prompts, told ? 'answer as told, steered' : 'answer steered');
    const besides =
      this.#references === null && decoys === undefined && relevance
        ? [...unsteered.plain, ...unsteered.told]
        : [];
    const judging = this.#judge([...besides, ...answers], decoys, relevance);
    if (besides.length > 0) {
      const { length } = unsteered.plain;
      this.#references = judging.then((tried) =>
        asReferences(tried.slice(0, length), tried.slice(length, besides.length)),
      );
      // Who asks for them hears what went wrong.
      this.#references.catch(() => {});
    }
    const tried = (await judging).slice(besides.length);
    return edits.map((_, i) => tried.slice(i * jobs.length, (i + 1) * jobs.length));
  }

  /** The same with the cheap judgement, for a first look at many edits. */
  async glanced(edits: readonly PromptEdit[], selection: Selection): Promise<Glance[][]> {
    const jobs = this.#jobs(selection);
    const all = edits.flatMap((edit) => jobs.map((job) => ({ ...job, edit })));
    const answers = await this.#answer(all, this.judge.plain, 'look for the strength');
    const seen = await this.judge.glance(answers, this.settings.signal);
    return edits.map((_, i) => seen.slice(i * jobs.length, (i + 1) * jobs.length));
  }

  /** How plain and told answers of a selection look at the same glance. */
  async glancedReferences(selection: Selection): Promise<{ plain: Glance[]; told: Glance[] }> {
    const unsteered = await this.#unsteered();
    const [plain, told] = [chosen(unsteered.plain, selection), chosen(unsteered.told, selection)];
    const seen = await this.judge.glance([...plain, ...told], this.settings.signal);
    return { plain: seen.slice(0, plain.length), told: seen.slice(plain.length) };
  }

  /**
   * The 95th percentile, over the tokens of steered answers, of KL(steered || unsteered) in nats.
   * @param answers given under the edit
   */
  async divergence(answers: readonly GivenAnswer[], edit: ActivationEdit): Promise<number | null> {
    const given = answers.filter(({ tokens }) => tokens.length > 0);
    if (given.length === 0) return null;
    const prompts = given.map(({ question }) => this.judge.plain[question] as readonly number[]);
    const read = await this.settings.model.engine.divergenceMany(
      {
        prompts,
        edits: prompts.map(() => edit),
        answers: given.map(({ tokens }) => tokens),
        pairs: given.map((_, index) => [index, index] as const),
        priority: 'background',
      },
      this.settings.signal,
    );
    const values = read.flatMap(({ divergence }) => [...divergence]).sort((a, b) => a - b);
    return values[Math.floor(0.95 * (values.length - 1))] ?? null;
  }

  #jobs({ questions, sampled }: Selection): Pick<GivenAnswer, 'question' | 'sampled'>[] {
    return questions.flatMap((question) =>
      (sampled ? [false, true] : [false]).map((drawn) => ({ question, sampled: drawn })),
    );
  }

  async #answer(
    jobs: readonly (Pick<GivenAnswer, 'question' | 'sampled'> & { readonly edit?: PromptEdit })[],
    prompts: readonly (readonly number[])[],
    stage: string,
  ): Promise<GivenAnswer[]> {
    const { model, signal, onProgress, maxTokens } = this.settings;
    let done = 0;
    onProgress(stage, done, jobs.length);
    const limit = answersInFlight(model.engine);
    return mapConcurrent(jobs, limit, signal, async ({ question, sampled, edit: asEdit = [] }, _, either) => {
      const prompt = prompts[question] as readonly number[];
      const edit = typeof asEdit === 'function' ? asEdit(prompt.length) : asEdit;
      const asked = { prompt, maxTokens, sampling: sampled ? drawn(question) : greedy };
      const unsteered = edit.length === 0;
      const tokens = unsteered
        ? await plainAnswer(model, asked, either)
        : (await writeAnswer(model, { ...asked, edit }, either)).tokens;
      onProgress(stage, ++done, jobs.length);
      return { question, sampled, tokens, unsteered };
    });
  }
}

/** The same seed for a question under every edit: answers differ by the edit alone. */
const drawn = (question: number): Sampling => ({ ...greedy, temperature, topP, seed: question + 1 });

const chosen = <Answer extends GivenAnswer>(
  answers: readonly Answer[],
  { questions, sampled }: Selection,
): Answer[] =>
  answers.filter((answer) => questions.includes(answer.question) && (sampled || !answer.sampled));

const asReferences = (
  plainAnswers: readonly TriedAnswer[],
  toldAnswers: readonly TriedAnswer[],
): References => ({
  plainAnswers,
  toldAnswers,
  plain: plainAnswers.map((answer) => answer.judged),
  told: toldAnswers.map((answer) => answer.judged),
});
