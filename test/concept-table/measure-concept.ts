/** One concept with every recipe and method: fitted, calibrated, and judged by answers to questions of its own. */
import type { Concept } from '../../src/concepts/concept.js';
import { greedy } from '../../src/engine/protocol.js';
import { conceptOf } from '../../src/fitting/fit-concept.js';
import { meanOf, strongestFluent, usualBound } from '../../src/fitting/measure/calibration-curve.js';
import { CurveMeasurement } from '../../src/fitting/measure/curve-measurement.js';
import { runTrials, type TrialResult } from '../../src/fitting/measure/trial.js';
import { chatPrompts, type PromptPair } from '../../src/fitting/measure/trial-prompts.js';
import { editAt, unitEdit } from '../../src/fitting/measure/unit-edit.js';
import { recipes } from '../../src/fitting/recipes/index.js';
import { defaultStatements } from '../../src/fitting/statements/index.js';
import { heldOutQuestions, questions } from '../../src/fitting/statements/questions.js';
import type { LoadedModel } from '../../src/models/model.js';
import { fitRecipes, type MethodName, methodNames, type RecipeName } from '../../src/schemas/fit-choices.js';
import { type TableConcept, tableQuestions } from './concepts.js';

export interface Judged {
  readonly evidence: number;
  readonly logProbability: number;
  readonly distinct2: number;
  /** To the first question. */
  readonly answer: string;
}

export interface Combination {
  readonly recipe: RecipeName;
  readonly method: MethodName;
  /** Of strength 1; null when no coefficient read well. */
  readonly share: number | null;
  readonly steered: Judged;
}

export interface ConceptRow {
  readonly concept: TableConcept;
  readonly unsteered: Judged;
  /** The model is told the concept instead of being steered. */
  readonly told: Judged;
  readonly combinations: readonly Combination[];
}

const signal = new AbortController().signal;
const maxTokens = 24;
/** Of each side that recipe `responses` asks. */
const responseQuestions = 16;
/**
 * Strength 1 is looked for among these, from the middle on, with shorter answers than in a fit's calibration, which
 * measures a whole curve and takes three times as long.
 */
const shares = [0.004, 0.006, 0.008, 0.011, 0.015, 0.02, 0.027, 0.036];
const firstShare = 0.015;
const calibrationTokens = 20;

/** @param statements of each side that recipe `attention` reads. */
export async function measureConcept(
  model: LoadedModel,
  concept: TableConcept,
  statements: number,
): Promise<ConceptRow> {
  const { prefix } = concept;
  const chats = (questions: readonly string[]) =>
    chatPrompts(
      model,
      questions.map((content) => [{ role: 'user', content }]),
      prefix,
      maxTokens,
    ).pairs;
  const asked = chats(tableQuestions);
  const calibrating = chats(heldOutQuestions);
  const calibrationBase = await runTrials(
    model,
    calibrating.map((pair) => ({ ...pair, edit: [] })),
    { maxTokens: calibrationTokens, sampling: greedy, signal, onProgress: () => {} },
  );
  const judge = (trials: Parameters<typeof runTrials>[1]) =>
    runTrials(model, trials, { maxTokens, sampling: greedy, signal, onProgress: () => {} });
  const unsteered = await judge(asked.map((pair) => ({ ...pair, edit: [] })));
  const told = await judge(asked.map((pair) => ({ ...pair, edit: [], told: true })));
  const combinations: Combination[] = [];
  for (const recipe of ['attention', 'responses'] as const) {
    const features = await featuresOf(model, prefix, recipe, statements);
    for (const method of methodNames) {
      const fitted = await conceptOf(features, settingsOf(prefix, recipe, method), model, signal);
      const share = await strengthOne(model, fitted, calibrating, calibrationBase);
      const edit = editAt(fitted, unitEdit(fitted, fitted.residualNorms), share ?? 0);
      const results = await judge(asked.map((pair) => ({ ...pair, edit })));
      combinations.push({ recipe, method, share, steered: judged(model, results) });
    }
  }
  return { concept, unsteered: judged(model, unsteered), told: judged(model, told), combinations };
}

function settingsOf(prefix: string, recipe: RecipeName, method: MethodName) {
  const labels = fitRecipes[recipe].defaultLabels;
  const rest = { statements: undefined, calibrate: false, maxTokens, seed: 0 };
  return { name: 'table', prefix, recipe, method, labels, ...rest };
}

function featuresOf(model: LoadedModel, prefix: string, recipe: RecipeName, statements: number) {
  const { positive, negative } = defaultStatements;
  const asked = questions.slice(0, responseQuestions);
  const own = { positive: positive.slice(0, statements), negative: negative.slice(0, statements) };
  return recipes[recipe].collect({
    model,
    prefix,
    statements: recipe === 'attention' ? own : { positive: asked, negative: asked },
    labels: fitRecipes[recipe].defaultLabels,
    maxTokens,
    seed: 0,
    signal,
    onProgress: () => {},
  });
}

/** Finds strength 1 as a fit does, in the direction of the concept; null when nothing reads well. */
async function strengthOne(
  model: LoadedModel,
  concept: Concept,
  calibrating: readonly PromptPair[],
  unsteered: readonly TrialResult[],
): Promise<number | null> {
  const unit = unitEdit(concept, concept.residualNorms);
  const measurement = new CurveMeasurement({
    concept,
    unit,
    model,
    prompts: calibrating,
    bound: usualBound,
    maxTokens: calibrationTokens,
    signal,
    onProgress: () => {},
    unsteered,
  });
  const fluent = async (share: number) => {
    await measurement.add([share]);
    return measurement.points.some((point) => point.share === share && point.fluent);
  };
  const middle = shares.indexOf(firstShare);
  if (await fluent(firstShare)) {
    for (const share of shares.slice(middle + 1)) if (!(await fluent(share))) break;
  } else {
    for (const share of shares.slice(0, middle).reverse()) if (await fluent(share)) break;
  }
  return strongestFluent(measurement.points, 1)?.share ?? null;
}

function judged(model: LoadedModel, results: readonly TrialResult[]): Judged {
  return {
    evidence: meanOf(results.map(({ evidence }) => evidence)) ?? 0,
    logProbability: meanOf(results.map(({ logProbability }) => logProbability)) ?? 0,
    distinct2: meanOf(results.map(({ distinct2 }) => distinct2)) ?? 0,
    answer: model.tokenizer.decode(results[0]?.tokens ?? [], { skipSpecialTokens: true }),
  };
}
