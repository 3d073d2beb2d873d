/**
 * The answers that strength is measured by: plain and told ones once for a model and a statement of the concept, steered
 * ones for any concept under any edit. Candidates of one fit share the references.
 */
import { mapConcurrent } from '../../common/map-concurrent.js';
import { type ActivationEdit, greedy, type Sampling } from '../../engine/protocol.js';
import type { LoadedModel } from '../../models/model.js';
import { inAnotherLanguage } from '../answers/answer-checks.js';
import { writeAnswer } from '../answers/write-answer.js';
import type { OnProgress } from '../recipes/recipe.js';
import { answersInFlight } from './answers-in-flight.js';
import type { ConceptStatement } from './concept-statement.js';
import { type GivenAnswer, type Glance, Judge } from './judge.js';
import type { JudgedAnswer, ReferenceAnswers } from './steering-scores.js';

interface TrialSettings {
  readonly model: LoadedModel;
  /** Null for a concept that nothing states. */
  readonly statement: ConceptStatement | null;
  readonly questions: readonly string[];
  readonly maxTokens: number;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/** Which answers are given: to which questions, and whether one at a temperature comes with each greedy one. */
export interface Selection {
  readonly questions: readonly number[];
  readonly sampled: boolean;
}

/** An answer with what was read of it. */
export interface TriedAnswer extends GivenAnswer {
  readonly judged: JudgedAnswer;
}

export interface References extends ReferenceAnswers {
  readonly plainAnswers: readonly TriedAnswer[];
  readonly toldAnswers: readonly TriedAnswer[];
}

/** Of the second answer to each question: greedy text loops where sampled text does not. */
const temperature = 0.8;
const topP = 0.95;

export class StrengthTrials {
  readonly judge: Judge;
  #references: Promise<References> | null = null;
  /** Whether the told model answers in another language than it is asked: then that is the concept. */
  #foreign = false;

  /** @throws SteerdError context_length_exceeded */
  constructor(readonly settings: TrialSettings) {
    const { model, statement, questions, maxTokens } = settings;
    this.judge = new Judge(model, statement, questions, maxTokens);
  }

  /** All questions, greedy and sampled. */
  get everything(): Selection {
    return { questions: this.settings.questions.map((_, index) => index), sampled: true };
  }

  /** Plain and told answers to every question, answered and judged at the first call. */
  references(): Promise<References> {
    this.#references ??= this.#measureReferences();
    return this.#references;
  }

  /** The references to the questions of a selection. */
  async referencesOf({ questions, sampled }: Selection): Promise<References> {
    const { plainAnswers, toldAnswers } = await this.references();
    const of = (answers: readonly TriedAnswer[]) =>
      answers.filter((answer) => questions.includes(answer.question) && (sampled || !answer.sampled));
    const [plain, told] = [of(plainAnswers), of(toldAnswers)];
    return {
      plainAnswers: plain,
      toldAnswers: told,
      plain: plain.map((answer) => answer.judged),
      told: told.map((answer) => answer.judged),
    };
  }

  async #measureReferences(): Promise<References> {
    const { signal, onProgress, questions, model } = this.settings;
    const jobs = this.#jobs(this.everything);
    const { told } = this.judge;
    const plain = await this.#answer(jobs, this.judge.plain, 'answer plainly');
    const as = told === null ? [] : await this.#answer(jobs, told, 'answer as told');
    const languages = await Promise.all(
      as.map(({ tokens, question }) =>
        inAnotherLanguage(model.tokenizer.decode(tokens), questions[question] as string),
      ),
    );
    this.#foreign = languages.filter(Boolean).length * 2 > as.length;
    onProgress('judge the references', 0, 1);
    const judged = await this.judge.judge([...plain, ...as], signal, this.#foreign);
    const tried = [...plain, ...as].map((answer, i) => ({ ...answer, judged: judged[i] as JudgedAnswer }));
    const plainAnswers = tried.slice(0, plain.length);
    const toldAnswers = tried.slice(plain.length);
    return {
      plainAnswers,
      toldAnswers,
      plain: plainAnswers.map((answer) => answer.judged),
      told: toldAnswers.map((answer) => answer.judged),
    };
  }

  /**
   * Answers under each edit, judged.
   * @param told whether the model is told the concept as well: what is left of it under an edit that takes it away
   */
  async steered(
    edits: readonly ActivationEdit[],
    selection: Selection,
    told = false,
  ): Promise<TriedAnswer[][]> {
    await this.references();
    const prompts = told ? (this.judge.told ?? this.judge.plain) : this.judge.plain;
    const jobs = this.#jobs(selection);
    const all = edits.flatMap((edit) => jobs.map((job) => ({ ...job, edit })));
    const answers = await this.#answer(all, prompts, told ? 'answer as told, steered' : 'answer steered');
    this.settings.onProgress('judge', 0, 1);
    const judged = await this.judge.judge(answers, this.settings.signal, this.#foreign);
    const tried = answers.map((answer, i) => ({ ...answer, judged: judged[i] as JudgedAnswer }));
    return edits.map((_, i) => tried.slice(i * jobs.length, (i + 1) * jobs.length));
  }

  /** The same with the cheap judgement, for a first look at many edits. */
  async glanced(edits: readonly ActivationEdit[], selection: Selection): Promise<Glance[][]> {
    const jobs = this.#jobs(selection);
    const all = edits.flatMap((edit) => jobs.map((job) => ({ ...job, edit })));
    const answers = await this.#answer(all, this.judge.plain, 'look for the strength');
    const seen = await this.judge.glance(answers, this.settings.signal);
    return edits.map((_, i) => seen.slice(i * jobs.length, (i + 1) * jobs.length));
  }

  /** How plain and told answers of a selection look at the same glance. */
  async glancedReferences(selection: Selection): Promise<{ plain: Glance[]; told: Glance[] }> {
    const { plainAnswers, toldAnswers } = await this.referencesOf(selection);
    const seen = await this.judge.glance([...plainAnswers, ...toldAnswers], this.settings.signal);
    return { plain: seen.slice(0, plainAnswers.length), told: seen.slice(plainAnswers.length) };
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
    jobs: readonly (Pick<GivenAnswer, 'question' | 'sampled'> & { readonly edit?: ActivationEdit })[],
    prompts: readonly (readonly number[])[],
    stage: string,
  ): Promise<GivenAnswer[]> {
    const { model, signal, onProgress, maxTokens } = this.settings;
    let done = 0;
    onProgress(stage, done, jobs.length);
    const limit = answersInFlight(model.engine);
    return mapConcurrent(jobs, limit, signal, async ({ question, sampled, edit = [] }, _, either) => {
      const prompt = prompts[question] as readonly number[];
      const sampling = sampled ? drawn(question) : greedy;
      const { tokens } = await writeAnswer(model, { prompt, maxTokens, sampling, edit }, either);
      onProgress(stage, ++done, jobs.length);
      return { question, sampled, tokens };
    });
  }
}

/** The same seed for a question under every edit: answers differ by the edit alone. */
const drawn = (question: number): Sampling => ({ ...greedy, temperature, topP, seed: question + 1 });
