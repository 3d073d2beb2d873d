/** Which layers a fit finds vectors for: all but the first, a list, or those that attend most to the concept. */
import { topLayers } from '../concepts/fit-record.js';
import { errors } from '../errors.js';
import { firstSteeredLayer } from './calibration-rule.js';
import type { LayerAttention } from './recipes/recipe.js';

export type LayerChoice = 'all' | readonly number[] | { readonly top: number };

/** @throws SteerdError when a model of `depth` layers does not have them. */
export function checkLayers(choice: LayerChoice, depth: number): void {
  if (choice === 'all') return;
  if ('top' in choice) {
    const most = depth - firstSteeredLayer;
    if (choice.top <= most) return;
    throw errors.invalidValue('layers.top', `at most ${most}, the layers that can be steered`, choice.top);
  }
  const beyond = choice.find((layer) => layer < firstSteeredLayer || layer >= depth);
  if (beyond === undefined) return;
  throw errors.invalidValue('layers', `layers from ${firstSteeredLayer} to ${depth - 1}`, beyond);
}

/**
 * The layers of the choice, ascending and each once.
 * @throws SteerdError invalid_value for `top` with a recipe that reads no attention.
 */
export function chosenLayers(choice: LayerChoice, depth: number, attention: LayerAttention | null): number[] {
  checkLayers(choice, depth);
  const steerable = Array.from({ length: depth - firstSteeredLayer }, (_, i) => i + firstSteeredLayer);
  if (choice === 'all') return steerable;
  if (!('top' in choice)) return [...new Set(choice)].sort((a, b) => a - b);
  if (attention === null) {
    throw errors.invalidValue('layers', 'a list or "all" with a recipe that reads no attention', 'top');
  }
  return topLayers(choice.top, attention.significantHeads, attention.mean, steerable);
}
