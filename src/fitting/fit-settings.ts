/** From a fit's request, checked by its schema, to what the fit runs with: defaults that depend on other fields. */
import type { FitRequest } from '../schemas/fits.js';
import type { FitSettings } from './fit-concept.js';
import { conceptPrefix } from './recipes/concept-classes.js';
import { recipes } from './recipes/index.js';

export function fitSettings(request: FitRequest): FitSettings {
  const { name, recipe, method, statements, examples, token, layers, seed } = request;
  return {
    name,
    prefix: statedPrefix(request),
    recipe,
    method: method ?? recipes[recipe].defaultMethod,
    labels: request.labels ?? recipes[recipe].defaultLabels,
    statements,
    examples,
    token,
    layers,
    maxTokens: request.max_tokens,
    calibrate: request.calibrate,
    seed,
  };
}

/** What states the concept: the request's own words or its class's; empty for examples that state nothing. */
export function statedPrefix(request: FitRequest): string {
  const { prefix, class: concept, subject } = request;
  if (concept !== undefined && subject !== undefined) return conceptPrefix(concept, subject);
  return prefix ?? '';
}
