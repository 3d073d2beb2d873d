/**
 * From what a request asks for to what the engine does: items become terms of one activation edit,
 * h <- h + (a + s * <h, v>) v, with a receipt for each. add: a = c, s = 0. ablate: a = 0, s = -share.
 * clamp: a = c, s = -1. amplify by g: a = 0, s = g - 1. A term that would change nothing is left out, so
 * strength 0 of `add` is exactly the unsteered model. What cannot be applied is an error.
 */
import type { Concept } from '../concepts/concept.js';
import type { ActivationEdit, EditTerm } from '../engine/protocol.js';
import { errors } from '../errors.js';
import {
  type AnySteeringItem,
  type SteeringAlternative,
  type SteeringBody,
  type SteeringBudget,
  SteeringItem,
  type SteeringPositions,
  type SteeringReceipt,
} from '../schemas/steering.js';
import { layersOf } from './concept-layers.js';
import { type ItemContext, itemConcept } from './item-concept.js';
import { editedLayers, type ItemEdit } from './item-edit.js';
import { itemName } from './overlap.js';
import { StrengthCap } from './strength-cap.js';
import { applyTogether } from './together.js';

/** Items that are applied together. */
export interface SteeringSet {
  readonly items: readonly AnySteeringItem[];
  readonly budget: SteeringBudget;
  /** Where the request has the items in a list under a name of its own; undefined elsewhere. */
  readonly list?: 'items';
}

/** What a completion is steered by. */
export interface AskedSteering {
  /** The items of each alternative; exactly one set when nothing is compared. */
  readonly alternatives: readonly SteeringSet[];
  /** Whether the request listed alternatives: then each choice has its own receipt. */
  readonly compared: boolean;
}

/**
 * What a completion is steered by, in whichever of the equal ways its request says it.
 * @param alias what the model's name says already
 * @throws SteerdError invalid_value when steering is said in more than one place, or `strength` has no concept
 */
export function askedSteering(
  { concept, strength, steering = null }: SteeringBody,
  alias: readonly SteeringItem[] | null = null,
): AskedSteering {
  const given = concept !== undefined ? 'concept' : steering !== null ? 'steering' : null;
  if (alias !== null && given !== null) {
    throw errors.invalidRequest(
      `${given} must be left out when model says what steers (model@concept:strength): say it in one place.`,
      given,
    );
  }
  if (concept !== undefined) {
    if (steering === null) return applied([SteeringItem.parse({ concept, strength })]);
    throw errors.invalidValue('concept', 'left out when steering is given: say it in one place', concept);
  }
  if (strength !== undefined) throw errors.invalidValue('strength', 'given together with concept', strength);
  if (alias !== null) return applied(alias);
  if (steering !== null && 'choices' in steering) {
    return { alternatives: steering.choices.map(setOf), compared: true };
  }
  return { alternatives: [setOf(steering)], compared: false };
}

const applied = (items: readonly AnySteeringItem[]): AskedSteering => ({
  alternatives: [{ items, budget: true }],
  compared: false,
});

function setOf(asked: SteeringAlternative): SteeringSet {
  if (asked === null) return { items: [], budget: true };
  if (Array.isArray(asked)) return { items: asked, budget: true };
  if (!('items' in asked)) return { items: [asked], budget: true };
  const items = asked.items.map((item) =>
    asked.orthogonalize && item.operation === 'add' ? { orthogonalize: true, ...item } : item,
  );
  return { items, budget: asked.budget, list: 'items' };
}

interface SteeringContext extends ItemContext {
  /** Tokens of the prompt: positions from here on are generated. */
  readonly promptLength: number;
  /** Where the request has the items, for errors; `steering` by default. */
  readonly field?: string;
  /** What the items together may push; true by default. */
  readonly budget?: SteeringBudget;
  /** As in `SteeringSet`. */
  readonly list?: 'items' | undefined;
}

interface ResolvedSteering {
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
  const { maxStrength } = context.concepts;
  const cap = maxStrength === undefined ? null : new StrengthCap(maxStrength);
  const alone = items.map((item, i): ItemEdit => {
    const field = fieldOf(i, items.length, context);
    const concept = itemConcept(item, 'steering', context, field);
    const layers = layersOf(item.layers, concept, field('layers'));
    const window = positionWindow(item.positions, context, field('positions'));
    const add = new Float32Array(concept.layers);
    const scale = new Float32Array(concept.layers);
    for (const layer of layers) {
      add[layer] = additive(item, concept, layer, field);
      scale[layer] = projective(item);
    }
    cap?.add(item, concept, add, field('strength'));
    const { strength, scale: unit, operation, positions } = item;
    const key = `${concept.version} ${JSON.stringify([strength, unit, operation, layers, positions])}`;
    return {
      item,
      concept,
      key,
      directions: concept.version,
      vectors: concept.vectors,
      add,
      scale,
      ...window,
    };
  });

  const joint = applyTogether(alone, context.budget ?? true, `${context.field ?? 'steering'}.budget`);
  // Sums in another order differ in their last bits, and int8 kernels turn those into other answers.
  const terms = joint
    .map(({ edit }) => edit)
    .filter((edit) => editedLayers(edit).length > 0)
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return {
    edit: terms.map(({ vectors, add, scale, from, to }): EditTerm => ({ vectors, add, scale, from, to })),
    receipts: joint.map(({ edit, told }) => ({ ...receiptOf(edit), ...told })),
  };
}

/** What one item did. */
function receiptOf(edit: ItemEdit): SteeringReceipt {
  const { item, concept, add, scale } = edit;
  const layers = editedLayers(edit);
  const coefficients = usesScale(item) ? add : scale;
  return {
    concept: itemName(edit),
    version: concept.version,
    model: concept.model,
    strength: item.strength,
    scale: item.scale,
    operation: item.operation,
    layers,
    coefficients: layers.map((layer) => coefficients[layer] ?? 0),
    positions: item.positions,
    calibrated: usesScale(item) && item.scale === 'calibrated',
  };
}

/** The request's field as errors call it: a lone item's concept may stand at the top of the body. */
const fieldOf =
  (index: number, count: number, { field: place, list }: SteeringContext) =>
  (name: string) => {
    if (list !== undefined) return `${place ?? 'steering'}.${list}.${index}.${name}`;
    if (count > 1) return `${place ?? 'steering'}.${index}.${name}`;
    if (place !== undefined) return `${place}.${name}`;
    return name === 'concept' ? name : `steering.${name}`;
  };

/** Ablation takes a share and amplification a factor: neither has a unit. */
const usesScale = (item: AnySteeringItem) => item.operation === 'add' || item.operation === 'clamp';

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
