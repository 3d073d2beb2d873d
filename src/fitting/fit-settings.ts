/** What a fit runs with, made of its request once the schema has checked it: defaults that depend on other fields. */
import { errors } from '../errors.js';
import {
  type ConceptClassName,
  conceptClasses,
  type ExampleSetName,
  fitRecipes,
  type Labels,
  type MethodName,
  type RecipeName,
} from '../schemas/fit-choices.js';
import type { FitRequest } from '../schemas/fits.js';
import type { LayerChoice } from './layer-choice.js';
import type { Examples, Statements } from './recipes/recipe.js';
import { pairSets } from './statements/pairs/index.js';

export interface FitSettings {
  readonly name: string;
  /** What states the concept: the request's own words or its class's; empty for examples that state nothing. */
  readonly prefix: string;
  readonly recipe: RecipeName;
  readonly method: MethodName;
  readonly labels: Labels;
  readonly statements?: Statements | undefined;
  /** For recipe `examples`. */
  readonly examples?: Examples | undefined;
  /** Offset from the end of the token read; the recipe's own choice without. */
  readonly token?: number | undefined;
  /** Default: all that can be steered. */
  readonly layers?: LayerChoice | undefined;
  readonly maxTokens: number;
  /** Whether strength 1 is measured or left to the rule. */
  readonly calibrate: boolean;
  readonly seed: number;
}

export function fitSettings(request: FitRequest): FitSettings {
  const { name, recipe, method, statements, examples, token, layers, seed, calibrate } = request;
  const { defaultMethod, defaultLabels } = fitRecipes[recipe];
  return {
    name,
    prefix: statedPrefix(request),
    recipe,
    method: method ?? defaultMethod,
    labels: request.labels ?? defaultLabels,
    statements,
    examples: typeof examples === 'string' ? shippedExamples(examples) : examples,
    token,
    layers,
    maxTokens: request.max_tokens,
    calibrate,
    seed,
  };
}

/** Examples that ship say by what message the model is told the same. */
function statedPrefix({ prefix, class: conceptClass, subject, examples }: FitRequest): string {
  if (conceptClass !== undefined && subject !== undefined) return classPrefix(conceptClass, subject);
  return prefix ?? (typeof examples === 'string' ? pairSets[examples].prefix : '');
}

/** As chats of a question and an answer. */
export function shippedExamples(name: ExampleSetName): Examples {
  const { pairs } = pairSets[name];
  const chat = (question: string, answer: string) => [
    { role: 'user', content: question },
    { role: 'assistant', content: answer },
  ];
  return {
    positive: pairs.map(({ question, withConcept }) => chat(question, withConcept)),
    negative: pairs.map(({ question, plain }) => chat(question, plain)),
  };
}

/** The sentence that states `subject`, which is taken as it is written: "spiders" and "Spiders" differ. */
export function classPrefix(conceptClass: ConceptClassName, subject: string): string {
  return conceptClasses[conceptClass].prefix.replace('{x}', () => subject.trim());
}

/** @throws SteerdError invalid_value when the recipe does not give the labels asked for. Every method takes either. */
export function checkRecipeLabels({ recipe, labels }: Pick<FitSettings, 'recipe' | 'labels'>): void {
  if (labels === 'hard' || fitRecipes[recipe].softLabels) return;
  throw errors.invalidValue('labels', `"hard" with recipe ${recipe}`, labels);
}
