/**
 * From what a request asks to what the engine does: items become terms of one activation edit,
 * h <- h + (a + s * <h, v>) v, with a receipt for each. add: a = c, s = 0. ablate: a = 0, s = -share.
 * clamp: a = c, s = -1. amplify by g: a = 0, s = g - 1. A term that would change nothing is left out, so
 * strength 0 of `add` is exactly the unsteered model. What cannot be applied is an error.
 */
import type { Concept } from '../concepts/concept.js';
import { conceptMissing } from '../concepts/missing-concept.js';
import type { ActivationEdit, EditTerm, ModelShape } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { AnySteeringItem, SteeringPositions, SteeringReceipt } from '../schemas/steering.js';
import { layersOf } from './concept-layers.js';
import { inlineConcept } from './inline-concept.js';
import { StrengthCap } from './strength-cap.js';

export interface ConceptLookup {
  get(model: string, name: string): { readonly concept: Concept } | undefined;
  names(model: string): readonly string[];
  /** Ids of the models that have a concept of that name. */
  modelsWith?(name: string): readonly string[];
  /** Largest calibrated |strength| of one concept; no cap when undefined. */
  readonly maxStrength?: number | undefined;
  /** Throws where vectors that a request brings (at the field `param`) may not be used, for steering or for reading. */
  checkInline?(param: string, use: 'steering' | 'monitor'): void;
}

export interface SteeringContext {
  readonly model: { readonly id: string; readonly shape: ModelShape };
  readonly concepts: ConceptLookup;
  /** Tokens of the prompt: positions from here on are generated. */
  readonly promptLength: number;
  /** Where the request has the items, for errors; `steering` by default. */
  readonly field?: string;
}

export interface ResolvedSteering {
  /** The same for the same items in any order. */
  readonly edit: ActivationEdit;
  /** One per item, in the items' order. */
  readonly receipts: readonly SteeringReceipt[];
}

/** @throws SteerdError naming the item's field when a steering cannot be applied. */
export function resolveSteering(
  items: readonly AnySteeringItem[],
  context: SteeringContext,
): ResolvedSteering {
  const terms: { readonly key: string; readonly term: EditTerm }[] = [];
  const receipts: SteeringReceipt[] = [];
  const { maxStrength } = context.concepts;
  const cap = maxStrength === undefined ? null : new StrengthCap(maxStrength);
  items.forEach((item, i) => {
    const field = fieldOf(i, items.length, context.field);
    const concept = conceptOf(item, context, field);
    const layers = layersOf(item.layers, concept, field('layers'));
    const window = positionWindow(item.positions, context, field('positions'));
    const add = new Float32Array(concept.layers);
    const scale = new Float32Array(concept.layers);
    for (const layer of layers) {
      add[layer] = additive(item, concept, layer, field);
      scale[layer] = projective(item);
    }
    cap?.add(item, concept, add, field('strength'));
    const changing = layers.filter((layer) => add[layer] !== 0 || scale[layer] !== 0);
    if (changing.length > 0) {
      const { strength, scale: unit, operation, positions } = item;
      const key = `${concept.version} ${JSON.stringify([strength, unit, operation, layers, positions])}`;
      terms.push({ key, term: { vectors: concept.vectors, add, scale, ...window } });
    }
    const coefficients = usesScale(item) ? add : scale;
    receipts.push({
      concept: 'vectors' in item ? (item.name ?? null) : concept.name,
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
  // Sums in another order differ in their last bits, and int8 kernels turn those into other answers.
  terms.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return { edit: terms.map(({ term }) => term), receipts };
}

/** The request's field as errors call it: a lone item's concept may stand at the top of the body. */
const fieldOf = (index: number, count: number, place?: string) => (name: string) => {
  if (count > 1) return `${place ?? 'steering'}.${index}.${name}`;
  if (place !== undefined) return `${place}.${name}`;
  return name === 'concept' ? name : `steering.${name}`;
};

/** Ablation takes a share and amplification a factor: neither has a unit. */
const usesScale = (item: AnySteeringItem) => item.operation === 'add' || item.operation === 'clamp';

function conceptOf(
  item: AnySteeringItem,
  context: SteeringContext,
  field: (name: string) => string,
): Concept {
  if (!('vectors' in item)) return findConcept(item.concept, context, field('concept'));
  context.concepts.checkInline?.(field('vectors'), 'steering');
  return inlineConcept(item, context.model, field);
}

/**
 * A concept that fits the request's model.
 * @throws SteerdError concept_not_found, concept_mismatch, for the field `param`
 */
export function findConcept(
  name: string,
  context: Pick<SteeringContext, 'model' | 'concepts'>,
  param: string,
): Concept {
  const { model, concepts } = context;
  const concept = concepts.get(model.id, name)?.concept;
  if (concept === undefined) throw conceptMissing(name, model.id, concepts, param);
  checkConcept(concept, model, param);
  return concept;
}

/** @throws SteerdError concept_mismatch when the concept was not made for this very model. */
export function checkConcept(concept: Concept, model: SteeringContext['model'], param: string): void {
  const { name } = concept;
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
}

/** a at one layer: the coefficient on the unit vector (add) or the projection to hold (clamp). */
function additive(
  item: AnySteeringItem,
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
  const ratio = calibrated && item.strength < 0 ? concept.calibration.negativeRatio : 1;
  return item.strength * ratio * unit;
}

/** s, the same at every layer chosen. */
function projective(item: AnySteeringItem): number {
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
