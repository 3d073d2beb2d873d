/**
 * From what a request asks to what the engine does: items become terms of one activation edit,
 * h <- h + (a + s * <h, v>) v, with a receipt for each. add: a = c, s = 0. ablate: a = 0, s = -share.
 * clamp: a = c, s = -1. amplify by g: a = 0, s = g - 1. A term that would change nothing is left out, so
 * strength 0 of `add` is exactly the unsteered model. What cannot be applied is an error.
 */
import type { Concept } from '../concepts/concept.js';
import type { ActivationEdit, EditTerm, ModelShape } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { SteeringItem, SteeringPositions, SteeringReceipt } from '../schemas/steering.js';
import { StrengthCap } from './strength-cap.js';

export interface ConceptLookup {
  get(model: string, name: string): { readonly concept: Concept } | undefined;
  names(model: string): readonly string[];
  /** Largest calibrated |strength| of one concept; no cap when undefined. */
  readonly maxStrength?: number | undefined;
}

export interface SteeringContext {
  readonly model: { readonly id: string; readonly shape: ModelShape };
  readonly concepts: ConceptLookup;
  /** Tokens of the prompt: positions from here on are generated. */
  readonly promptLength: number;
}

export interface ResolvedSteering {
  readonly edit: ActivationEdit;
  /** One per item, in the items' order. */
  readonly receipts: readonly SteeringReceipt[];
}

/** @throws SteerdError naming the item's field when a steering cannot be applied. */
export function resolveSteering(items: readonly SteeringItem[], context: SteeringContext): ResolvedSteering {
  const edit: EditTerm[] = [];
  const receipts: SteeringReceipt[] = [];
  const { maxStrength } = context.concepts;
  const cap = maxStrength === undefined ? null : new StrengthCap(maxStrength);
  items.forEach((item, i) => {
    const field = fieldOf(i, items.length);
    const concept = findConcept(item.concept, context, field('concept'));
    const layers = chosenLayers(item, concept, field('layers'));
    const window = positionWindow(item.positions, context, field('positions'));
    const add = new Float32Array(concept.layers);
    const scale = new Float32Array(concept.layers);
    for (const layer of layers) {
      add[layer] = additive(item, concept, layer, field);
      scale[layer] = projective(item);
    }
    cap?.add(item, concept, add, field('strength'));
    const changing = layers.filter((layer) => add[layer] !== 0 || scale[layer] !== 0);
    if (changing.length > 0) edit.push({ vectors: concept.vectors, add, scale, ...window });
    const coefficients = usesScale(item) ? add : scale;
    receipts.push({
      concept: concept.name,
      version: concept.version,
      model: concept.model,
      strength: item.strength,
      scale: item.scale,
      operation: item.operation,
      layers: changing,
      coefficients: changing.map((layer) => coefficients[layer] ?? 0),
      positions: item.positions,
      calibrated: usesScale(item) && item.scale === 'calibrated',
    });
  });
  return { edit, receipts };
}

/** The request's field as errors call it: a lone item's concept may stand at the top of the body. */
const fieldOf = (index: number, count: number) => (name: string) => {
  if (count > 1) return `steering.${index}.${name}`;
  return name === 'concept' ? name : `steering.${name}`;
};

/** Ablation takes a share and amplification a factor: neither has a unit. */
const usesScale = (item: SteeringItem) => item.operation === 'add' || item.operation === 'clamp';

function findConcept(name: string, context: SteeringContext, param: string): Concept {
  const { model, concepts } = context;
  const concept = concepts.get(model.id, name)?.concept;
  if (concept === undefined) throw errors.conceptNotFound(name, model.id, concepts.names(model.id), param);
  if (concept.model !== model.id) {
    throw errors.conceptMismatch(
      name,
      `it belongs to model ${concept.model} and the request runs ${model.id}`,
      param,
    );
  }
  if (concept.layers !== model.shape.layers || concept.hiddenSize !== model.shape.hiddenSize) {
    throw errors.conceptMismatch(
      name,
      `it has ${concept.layers} layers of width ${concept.hiddenSize} and model ${model.id} has ${model.shape.layers} of width ${model.shape.hiddenSize}`,
      param,
    );
  }
  if (concept.modelFingerprint !== model.shape.fingerprint) {
    throw errors.conceptMismatch(
      name,
      `it was fitted on another export of ${model.id} (${concept.modelFingerprint.slice(0, 12)}) than the one loaded (${model.shape.fingerprint.slice(0, 12)}); fit it again`,
      param,
    );
  }
  return concept;
}

/** The blocks asked for, ascending. `all` is every block that has a vector. */
function chosenLayers(item: SteeringItem, concept: Concept, param: string): readonly number[] {
  const every = Array.from({ length: concept.layers }, (_, layer) => layer);
  if (item.layers === 'default' || item.layers === 'all') {
    const { coefficients } = concept.calibration;
    const steered = every.filter((layer) =>
      item.layers === 'all' ? hasVector(concept, layer) : coefficients[layer] !== 0,
    );
    if (steered.length === 0) {
      throw errors.invalidValue(
        param,
        item.layers === 'all'
          ? `another: concept ${concept.name} has no vector at any layer`
          : `named, with scale "raw" or "norm": concept ${concept.name} has no calibration to choose them by`,
        item.layers,
      );
    }
    for (const layer of steered) requireVector(concept, layer, param);
    return steered;
  }
  const asked = layerList(item.layers);
  for (const layer of asked) {
    if (layer >= concept.layers) {
      throw errors.invalidValue(
        param,
        `block numbers from 0 to ${concept.layers - 1} for model ${concept.model}`,
        layer,
      );
    }
    requireVector(concept, layer, param);
  }
  return asked;
}

function layerList(layers: readonly number[] | { readonly from: number; readonly to: number }): number[] {
  if ('from' in layers) {
    // The range is read only as far as one block past any model's depth: enough to be refused by name.
    const to = Math.min(layers.to, layers.from + 4096);
    return Array.from({ length: to - layers.from + 1 }, (_, i) => layers.from + i);
  }
  return [...new Set(layers)].sort((a, b) => a - b);
}

function hasVector(concept: Concept, layer: number): boolean {
  const start = layer * concept.hiddenSize;
  return concept.vectors.subarray(start, start + concept.hiddenSize).some((x) => x !== 0);
}

function requireVector(concept: Concept, layer: number, param: string): void {
  if (hasVector(concept, layer)) return;
  throw errors.invalidValue(
    param,
    `layers for which concept ${concept.name} has a vector; it has none at this one`,
    layer,
  );
}

/** a at one layer: the coefficient on the unit vector (add) or the projection to hold (clamp). */
function additive(
  item: SteeringItem,
  concept: Concept,
  layer: number,
  field: (name: string) => string,
): number {
  if (!usesScale(item)) return 0;
  if (item.scale === 'raw') return item.strength;
  const calibrated = item.scale === 'calibrated';
  const unit = (calibrated ? concept.calibration.coefficients : concept.residualNorms)[layer] ?? 0;
  if (unit === 0 || !Number.isFinite(unit)) {
    throw errors.invalidValue(
      field('scale'),
      calibrated
        ? `"raw" or "norm" at layer ${layer}, where concept ${concept.name} is not calibrated`
        : `"raw" at layer ${layer}, for which concept ${concept.name} knows no residual norm`,
      item.scale,
    );
  }
  return item.strength * unit;
}

/** s, the same at every layer chosen. */
function projective(item: SteeringItem): number {
  switch (item.operation) {
    case 'add':
      return 0;
    case 'ablate':
      return item.strength === 0 ? 0 : -item.strength;
    case 'clamp':
      return -1;
    case 'amplify':
      return item.strength - 1;
  }
}

function positionWindow(
  positions: SteeringPositions,
  context: SteeringContext,
  param: string,
): { from: number; to: number } {
  const { promptLength, model } = context;
  if (positions === 'all') return { from: 0, to: Number.POSITIVE_INFINITY };
  if (positions === 'prompt') return { from: 0, to: promptLength };
  if (positions === 'generated') return { from: promptLength, to: Number.POSITIVE_INFINITY };
  if ('last' in positions) {
    return { from: Math.max(0, promptLength - positions.last), to: Number.POSITIVE_INFINITY };
  }
  if (positions.from >= model.shape.capacity) {
    throw errors.invalidValue(
      `${param}.from`,
      `below the context's ${model.shape.capacity} tokens`,
      positions.from,
    );
  }
  return { from: positions.from, to: positions.to };
}
