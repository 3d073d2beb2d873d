/** Which layers a fit finds vectors for: all but the first, a list, or those that attend most, or least, to the concept. */
import { topLayers } from '../concepts/fit-record.js';
import { errors } from '../errors.js';
import { firstSteeredLayer } from './calibration-rule.js';
import type { LayerAttention } from './recipes/recipe.js';

export type LayerChoice =
  | 'all'
  | readonly number[]
  | { readonly top: number }
  /** What the paper's ablation holds against the top ones. */
  | { readonly bottom: number };

/** @throws SteerdError when a model of `depth` layers does not have them. */
export function checkLayers(choice: LayerChoice, depth: number): void {
  if (choice === 'all') return;
  if (!isList(choice)) {
    const most = depth - firstSteeredLayer;
    const [side, count] = 'top' in choice ? ['top', choice.top] : ['bottom', choice.bottom];
    if (count <= most) return;
    throw errors.invalidValue(`layers.${side}`, `at most ${most}, the layers that can be steered`, count);
  }
  const beyond = choice.find((layer) => layer < firstSteeredLayer || layer >= depth);
  if (beyond === undefined) return;
  throw errors.invalidValue('layers', `layers from ${firstSteeredLayer} to ${depth - 1}`, beyond);
}

/**
 * The layers of the choice, ascending and each once.
 * @throws SteerdError invalid_value for `top` and `bottom` with a recipe that reads no attention.
 */
export function chosenLayers(choice: LayerChoice, depth: number, attention: LayerAttention | null): number[] {
  checkLayers(choice, depth);
  const steerable = Array.from({ length: depth - firstSteeredLayer }, (_, i) => i + firstSteeredLayer);
  if (choice === 'all') return steerable;
  if (isList(choice)) return [...new Set(choice)].sort((a, b) => a - b);
  if (attention === null) {
    const [side] = Object.keys(choice);
    throw errors.invalidValue('layers', 'a list or "all" with a recipe that reads no attention', side);
  }
  const { significantHeads, mean } = attention;
  if ('top' in choice) return topLayers(choice.top, significantHeads, mean, steerable);
  const rest = topLayers(steerable.length - choice.bottom, significantHeads, mean, steerable);
  return steerable.filter((layer) => !rest.includes(layer));
}

/** `Array.isArray` does not narrow readonly arrays. */
const isList = (choice: Exclude<LayerChoice, 'all'>): choice is readonly number[] => Array.isArray(choice);
