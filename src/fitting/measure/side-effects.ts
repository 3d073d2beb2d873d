/**
 * Side effects: what steering costs a model besides what it is meant to change. Under each strength it reads neutral prose,
 * answers simple questions of fact and writes small JSON objects, and is compared with itself unsteered. Nothing is drawn
 * at random: the same concept on the same model has the same side effects.
 */
import { mapConcurrent } from '../../common/map-concurrent.js';
import type { ActivationEdit, ModelShape } from '../../engine/protocol.js';
import type { LoadedModel } from '../../models/model.js';
import { answersInFlight } from '../answers/answers-in-flight.js';
import type { OnProgress } from '../recipes/recipe.js';
import { facts } from '../statements/facts.js';
import { jsonRequests } from '../statements/json-requests.js';
import { neutralTexts } from '../statements/neutral-texts.js';
import { choosesRight, type FactChoice, factChoice } from './fact-choice.js';
import { type Interval, meanInterval, wilsonInterval } from './intervals.js';
import { jsonTokens, writesJson } from './json-answer.js';
import { chatPrompts } from './trial-prompts.js';

/** Some of `n`, with the 95 % interval (Wilson) of the share. */
interface CountedShare {
  readonly n: number;
  /** Null when n is 0. */
  readonly share: number | null;
  readonly interval: Interval;
}

/** As JSON, in a concept's calibration. */
export interface SideEffects {
  readonly unsteered: {
    /** Mean log-probability of a token of the neutral texts, in nats. */
    readonly neutral_log_probability: number;
    /** Of all questions. */
    readonly facts_right: CountedShare;
    /** Of all requests for JSON. */
    readonly valid_json: CountedShare;
  };
  readonly strengths: readonly {
    readonly strength: number;
    /** Nats per token that neutral texts gain (or, below 0, lose): mean over the texts, with its 95 % interval. */
    readonly neutral_log_probability_change: {
      readonly n: number;
      readonly mean: number;
      readonly interval: Interval | null;
    };
    /** Of the questions that the unsteered model gets right; beside strength 1 of every second one. */
    readonly facts_still_right: CountedShare;
    /** Of all requests for JSON, beside strength 1 of every second one; compare with `unsteered.valid_json`. */
    readonly valid_json: CountedShare;
  }[];
}

interface SideEffectsSettings {
  /**
   * In the concept's own unit; each is measured once, and those beside 1 with every second question of fact and request
   * for JSON. Usually 0.5, 1 and the largest allowed.
   */
  readonly strengths: readonly number[];
  readonly editAt: (strength: number) => ActivationEdit;
}

interface Tasks {
  /** Token ids of each text. */
  readonly neutral: readonly (readonly number[])[];
  readonly choices: readonly FactChoice[];
  /** Token ids of each prompt. */
  readonly json: readonly (readonly number[])[];
}

/** What one edit leaves, task by task. */
interface Measured {
  /** Mean log-probability of a text's tokens, in nats. */
  readonly neutral: readonly number[];
  readonly right: readonly boolean[];
  readonly json: readonly boolean[];
}

/** One being computed and one queued. */
const readAtOnce = 2;

/** Unsteered, a model is the same each time; its shape is one object however its engine is wrapped for a caller. */
const unsteered = new WeakMap<ModelShape, Measured>();

/** Every second one, of tasks that tell enough so: those that are said of a strength come with their number and interval. */
const everySecond = <Task>(tasks: readonly Task[]): Task[] => tasks.filter((_, index) => index % 2 === 0);

/**
 * For three strengths the embedded model reads some 9,000 tokens and writes some hundreds, a third less when this model
 * was measured before.
 * @throws SteerdError context_length_exceeded for a model whose context takes no short chat; what the engine throws; the
 *   signal's reason when aborted. Nothing is left running either way.
 */
export async function measureSideEffects(
  model: LoadedModel,
  { strengths, editAt }: SideEffectsSettings,
  signal: AbortSignal,
  onProgress: OnProgress = () => {},
): Promise<SideEffects> {
  const tasks = tasksOf(model);
  const known = unsteered.get(model.engine.shape);
  const unedited = [{ edit: [], tasks }];
  const plain = known ?? ((await measured(model, unedited, signal, onProgress))[0] as Measured);
  unsteered.set(model.engine.shape, plain);
  // What the model never knew it cannot lose.
  const choices = tasks.choices.filter((_, question) => plain.right[question]);
  const distinct = [...new Set(strengths)];
  const all = { ...tasks, choices };
  const some = { ...all, choices: everySecond(choices), json: everySecond(tasks.json) };
  const works = distinct.map((strength) => ({ edit: editAt(strength), tasks: strength === 1 ? all : some }));
  const steered = await measured(model, works, signal, onProgress);
  return {
    unsteered: {
      neutral_log_probability: rounded(mean(plain.neutral)),
      facts_right: counted(plain.right),
      valid_json: counted(plain.json),
    },
    strengths: distinct.map((strength, index) => compared(strength, steered[index] as Measured, plain)),
  };
}

function tasksOf(model: LoadedModel): Tasks {
  const { tokenizer, engine } = model;
  const asked = (texts: readonly string[], maxTokens: number) =>
    chatPrompts(
      model,
      texts.map((content) => [{ role: 'user', content }]),
      '',
      maxTokens,
    ).pairs.map(({ prompt }) => prompt);
  /** Of a begun answer and its ways to go on, for the check of the context; they take a dozen tokens. */
  const answer = 32;
  const questions = asked(
    facts.map(({ question }) => question),
    answer,
  );
  return {
    neutral: neutralTexts.map((text) => tokenizer.encode(text).slice(0, engine.shape.capacity)),
    choices: facts.map((fact, index) => factChoice(model, questions[index] ?? [], fact)),
    json: asked(jsonRequests, jsonTokens),
  };
}

/** The tasks of each edit; the edits run side by side, so that the last answers of one fill up with those of the next. */
async function measured(
  model: LoadedModel,
  works: readonly { readonly edit: ActivationEdit; readonly tasks: Tasks }[],
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<Measured[]> {
  const lengthOf = ({ neutral, choices, json }: Tasks) => neutral.length + choices.length + json.length;
  const total = works.reduce((sum, { tasks }) => sum + lengthOf(tasks), 0);
  let done = 0;
  onProgress('side effects', done, total);
  const each = async <Task, Result>(
    listOf: (tasks: Tasks) => readonly Task[],
    limit: number,
    run: (task: Task, edit: ActivationEdit, either: AbortSignal) => Promise<Result>,
  ): Promise<Result[][]> => {
    const all = works.flatMap(({ edit, tasks }, at) => listOf(tasks).map((task) => ({ task, edit, at })));
    const results = await mapConcurrent(all, limit, signal, async ({ task, edit }, _, either) => {
      const result = await run(task, edit, either);
      onProgress('side effects', ++done, total);
      return result;
    });
    return works.map((_, i) => results.filter((__, job) => all[job]?.at === i));
  };
  const neutral = await each(
    ({ neutral: texts }) => texts,
    readAtOnce,
    async (tokens, edit, either) =>
      mean(await model.engine.score({ tokens, from: 1, edit, priority: 'background' }, either)),
  );
  const atOnce = answersInFlight(model.engine);
  const right = await each(
    ({ choices }) => choices,
    atOnce,
    (choice, edit, either) => choosesRight(model, choice, edit, either),
  );
  const json = await each(
    ({ json: prompts }) => prompts,
    atOnce,
    (prompt, edit, either) => writesJson(model, prompt, edit, either),
  );
  return works.map((_, i) => ({ neutral: neutral[i] ?? [], right: right[i] ?? [], json: json[i] ?? [] }));
}

function compared(strength: number, steered: Measured, plain: Measured): SideEffects['strengths'][number] {
  const changes = steered.neutral.map((value, text) => value - (plain.neutral[text] ?? Number.NaN));
  return {
    strength,
    neutral_log_probability_change: {
      n: changes.length,
      mean: rounded(mean(changes)),
      interval: roundedInterval(meanInterval(changes)),
    },
    facts_still_right: counted(steered.right),
    valid_json: counted(steered.json),
  };
}

function counted(outcomes: readonly boolean[]): CountedShare {
  const n = outcomes.length;
  const successes = outcomes.filter(Boolean).length;
  return {
    n,
    share: n === 0 ? null : rounded(successes / n),
    interval: roundedInterval(wilsonInterval(successes, n)),
  };
}

const mean = (values: ArrayLike<number>) =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

/** To four decimals, as the rest of a calibration. */
const rounded = (value: number) => Math.round(value * 1e4) / 1e4;

function roundedInterval(interval: Interval): Interval;
function roundedInterval(interval: Interval | null): Interval | null;
function roundedInterval(interval: Interval | null): Interval | null {
  return interval === null ? null : [rounded(interval[0]), rounded(interval[1])];
}
