/** What a fit runs with, made of its request once the schema has checked it: defaults that depend on other fields. */
import { errors } from '../errors.js';
import {
  type ExampleSetName,
  fitRecipes,
  type Labels,
  type MethodName,
  type ProfileName,
  type RecipeName,
} from '../schemas/fit-choices.js';
import type { FitRequest } from '../schemas/fits.js';
import type { ContrastTerms } from './contrast/contrast.js';
import { statedConcept } from './contrast/stated-concept.js';
import type { LayerChoice } from './layer-choice.js';
import type { Examples, Statements } from './recipes/recipe.js';
import { pairSets } from './statements/pairs/index.js';

/** What states the concept, and what it is told apart from: `ContrastTerms`. */
export interface FitSettings extends ContrastTerms {
  readonly name: string;
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
  /** Of each side, for recipe `texts`; its own number without. */
  readonly texts?: number | undefined;
  /** Default: separation. */
  readonly profile?: ProfileName | undefined;
  /** Whether strength 1 is measured or left to the rule. */
  readonly calibrate: boolean;
  readonly seed: number;
}

/** A request that says which recipe it is for. */
type NamedFit = Omit<FitRequest, 'recipe' | 'method'> & {
  readonly recipe: RecipeName;
  /** Default: the recipe's own. */
  readonly method?: MethodName | undefined;
};

/** Of one candidate; fit-plan.ts says which there are. */
export function fitSettings(request: NamedFit): FitSettings {
  const { name, recipe, method, statements, examples, token, layers, seed, calibrate } = request;
  const { defaultMethod, defaultLabels, defaultContrast, defaultBareShare, defaultMaxTokens } =
    fitRecipes[recipe];
  return {
    name,
    ...statedConcept(stating(request)),
    contrast: request.contrast ?? defaultContrast,
    others: request.others,
    opposite: request.opposite,
    bareShare: request.bare_share ?? defaultBareShare,
    recipe,
    method: method ?? defaultMethod,
    labels: request.labels ?? defaultLabels,
    statements,
    examples: typeof examples === 'string' ? shippedExamples(examples) : examples,
    token,
    layers,
    maxTokens: request.max_tokens ?? defaultMaxTokens,
    texts: request.texts,
    profile: request.profile,
    calibrate,
    seed,
  };
}

/** Examples that ship say by what message the model is told the same. */
function stating(request: NamedFit): NamedFit {
  const { prefix, class: conceptClass, examples } = request;
  if (typeof examples !== 'string' || prefix !== undefined || conceptClass !== undefined) return request;
  return { ...request, prefix: pairSets[examples].prefix };
}

/** As chats of a question and an answer. */
function shippedExamples(name: ExampleSetName): Examples {
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

/** @throws SteerdError invalid_value when the recipe does not give the labels asked for. Every method takes either. */
export function checkRecipeLabels({ recipe, labels }: Pick<FitSettings, 'recipe' | 'labels'>): void {
  if (labels === 'hard' || fitRecipes[recipe].softLabels) return;
  throw errors.invalidValue('labels', `"hard" with recipe ${recipe}`, labels);
}
