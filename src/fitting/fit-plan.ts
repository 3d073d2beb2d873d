/**
 * What a fit tries: the one recipe and method that its request names, or the candidates of `auto` in the order in which
 * equals are preferred. Which of them is best is measured (fit-best.ts); what cannot work is refused before that.
 */
import { evenlySpread } from '../common/evenly-spread.js';
import { SteerdError } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import {
  auto,
  type ContrastKind,
  defaultProfile,
  fitRecipes,
  type MethodName,
  type ProfileName,
  profileNames,
  type RecipeName,
  triedMethods,
} from '../schemas/fit-choices.js';
import { chosenRecipe } from '../schemas/fit-misfits.js';
import type { FitRequest } from '../schemas/fits.js';
import { recognised } from './contrast/stated-concept.js';
import { checkRecipeLabels, type FitSettings, fitSettings } from './fit-settings.js';
import { checkLayers } from './layer-choice.js';
import { recipes } from './recipes/index.js';
import { defaultStatements } from './statements/index.js';

export interface FitPlan {
  readonly name: string;
  /** Of two that measure alike the earlier is kept; where nothing may be measured, the first that is possible. */
  readonly candidates: readonly [FitSettings, ...FitSettings[]];
  /** Tried in place of its own profile with the best candidate; none where the request names what to fit. */
  readonly profiles: readonly ProfileName[];
  readonly calibrate: boolean;
}

/** Of each side, where recipe `attention` is one candidate among others: with all 200 it would take most of the time. */
export const statementsOfAuto = 64;

export function fitPlan(request: FitRequest): FitPlan {
  const { name, calibrate } = request;
  const recipe = chosenRecipe(request);
  if (recipe !== auto && request.method !== auto) {
    return {
      name,
      candidates: [fitSettings(named(request, recipe, request.method))],
      profiles: [],
      calibrate,
    };
  }
  const candidates = recipe === auto ? recipesTried(request) : methodsTried(request, recipe);
  const others = profileNames.filter((profile) => profile !== defaultProfile);
  const profiles = calibrate && request.profile === undefined ? others : [];
  return { name, candidates, profiles, calibrate };
}

/** One recipe with several methods: they share its captures. */
function methodsTried(request: FitRequest, recipe: RecipeName): FitPlan['candidates'] {
  const settings = fitSettings(named(request, recipe, undefined));
  if (!request.calibrate) return [settings];
  const others = triedMethods.filter((method) => method !== settings.method);
  return [settings, ...others.map((method) => ({ ...settings, method }))];
}

/** The paper's own, the same against other messages, and those that small models follow better. */
function recipesTried(request: FitRequest): FitPlan['candidates'] {
  const method = request.method === auto ? undefined : request.method;
  const settings = (recipe: RecipeName, contrast = request.contrast) =>
    fitSettings(named({ ...request, contrast }, recipe, method));
  const [responses, texts] = [settings('responses'), settings('texts')];
  if (!request.calibrate) return hasSubject(request) ? [texts, responses] : [responses, texts];
  const contrasts: readonly ContrastKind[] =
    request.contrast === undefined ? ['none', fitRecipes.attention.defaultContrast] : [request.contrast];
  const some = {
    positive: evenlySpread(defaultStatements.positive, statementsOfAuto),
    negative: evenlySpread(defaultStatements.negative, statementsOfAuto),
  };
  const [first, ...more] = contrasts.map((kind) => ({ ...settings('attention', kind), statements: some }));
  return [first as FitSettings, ...more, responses, texts];
}

const hasSubject = ({ subject, prefix }: FitRequest) =>
  subject !== undefined || recognised(prefix ?? '').subject !== undefined;

function named(request: FitRequest, recipe: RecipeName, method: MethodName | undefined) {
  // What concerns some candidates alone is left out of the others.
  const contrast = request.contrast ?? fitRecipes[recipe].defaultContrast;
  const { others, opposite, bare_share: bareShare } = request;
  return {
    ...request,
    recipe,
    method,
    others: contrast === 'others' ? others : undefined,
    opposite: contrast === 'opposite' ? opposite : undefined,
    bare_share: contrast === 'none' ? undefined : bareShare,
  };
}

/**
 * Refuses, before anything is queued, what cannot work as far as one prompt of each candidate shows it.
 * @throws SteerdError what the first candidate would fail with, when all would; of layers that the model does not have
 */
export function checkPlan({ candidates }: FitPlan, model: LoadedModel): void {
  const faults: SteerdError[] = [];
  for (const settings of candidates) {
    checkRecipeLabels(settings);
    checkLayers(settings.layers ?? 'all', model.engine.shape.layers);
    try {
      recipes[settings.recipe].check({ ...settings, model });
      return;
    } catch (error) {
      if (!isImpossible(error)) throw error;
      faults.push(error);
    }
  }
  throw faults[0];
}

/** Whether an error says that this model cannot be fitted so, where another recipe may still work. */
export const isImpossible = (error: unknown): error is SteerdError =>
  error instanceof SteerdError &&
  (error.code === 'fit_impossible' || error.code === 'context_length_exceeded');
