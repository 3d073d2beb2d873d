/**
 * From what a request asks for to what the engine does: items become terms of one activation edit,
 * h <- h + (a + s <h, v>) v, with a receipt for each. add: a = c, s = 0, and sums stay sums. ablate, clamp and amplify
 * hold projections (held-projection.ts) and are worked out together (joint-edit.ts), so that each lands on its target; an
 * addition beside them comes on top of what they hold. What would change nothing is left out, so strength 0 of `add` is
 * exactly the unsteered model. What cannot be applied is an error.
 */
import type { Concept } from '../concepts/concept.js';
import type { ActivationEdit, EditTerm } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { AnySteeringItem, SteeringReceipt } from '../schemas/steering.js';
import { type HeldProjection, heldProjection, itemLayers, normUnit } from './held-projection.js';
import { type ItemContext, itemConcept } from './item-concept.js';
import { jointEdit } from './joint-edit.js';
import { type PositionWindow, positionWindow } from './position-window.js';
import { type AppliedItem, receiptOf } from './receipt.js';
import { StrengthCap } from './strength-cap.js';

interface SteeringContext extends ItemContext {
  /** Tokens of the prompt, at least one. */
  readonly promptLength: number;
  /** The most tokens that the answer may have: positions behind it never come. The context's rest by default. */
  readonly answerTokens?: number;
  /** Where the request has the items, for errors; `steering` by default. */
  readonly field?: string;
}

interface ResolvedSteering {
  /** The same for the same items in any order. */
  readonly edit: ActivationEdit;
  /** One per item, in the items' order. */
  readonly receipts: readonly SteeringReceipt[];
}

/** One item on its way to terms: an addition's coefficients, or what it holds. */
interface Resolved {
  readonly item: AnySteeringItem;
  readonly concept: Concept;
  readonly layers: readonly number[];
  readonly window: PositionWindow;
  readonly add: Float32Array | null;
  readonly held: HeldProjection | null;
}

/** @throws SteerdError naming the item's field when a steering cannot be applied. */
export function resolveSteering(
  items: readonly AnySteeringItem[],
  context: SteeringContext,
): ResolvedSteering {
  const { maxStrength } = context.concepts;
  const cap = maxStrength === undefined ? null : new StrengthCap(maxStrength);
  const resolved = items.map((item, i): Resolved => {
    const field = fieldOf(i, items.length, context.field);
    const concept = itemConcept(item, 'steering', context, field);
    const layers = itemLayers(item, concept, field);
    const { capacity } = context.model.shape;
    const window = positionWindow(item.positions, context.promptLength, capacity, field('positions'));
    const common = { item, concept, layers, window };
    if (item.operation === 'add') {
      const add = additive(item, concept, layers, field);
      cap?.add(item, concept, add, field('strength'));
      return { ...common, add, held: null };
    }
    const held = heldProjection(item, concept, layers, window, field);
    cap?.hold(item, held, field('strength'));
    return { ...common, add: null, held };
  });
  const holding = resolved.filter(({ held }) => held !== null && held.share !== 0);
  const joint = jointEdit(holding.map(({ held }) => held as HeldProjection));
  const applied = resolved.map((one): AppliedItem => {
    const at = holding.indexOf(one);
    const acting = one.add ? changing(one.add) : (joint.acting[at] ?? []);
    return { ...one, acting, givingWay: joint.givingWay[at] ?? [] };
  });
  return {
    edit: [...joint.terms, ...additions(resolved)],
    receipts: applied.map((one) => receiptOf(one, applied, lastPosition(context))),
  };
}

/** The last position that is computed: the answer's last token is drawn there. */
function lastPosition({ promptLength, answerTokens, model }: SteeringContext): number {
  const { capacity } = model.shape;
  return Math.min(capacity, promptLength - 1 + Math.max(1, answerTokens ?? capacity)) - 1;
}

/** The request's field as errors call it: a lone item's concept may stand at the top of the body. */
const fieldOf = (index: number, count: number, place?: string) => (name: string) => {
  if (count > 1) return `${place ?? 'steering'}.${index}.${name}`;
  if (place !== undefined) return `${place}.${name}`;
  return name === 'concept' ? name : `steering.${name}`;
};

/** [L] coefficients on the unit vectors. */
function additive(
  item: AnySteeringItem,
  concept: Concept,
  layers: readonly number[],
  field: (name: string) => string,
): Float32Array {
  const add = new Float32Array(concept.layers);
  for (const layer of layers) add[layer] = item.strength * unitOf(item, concept, layer, field);
  return add;
}

function unitOf(
  { scale, strength }: AnySteeringItem,
  concept: Concept,
  layer: number,
  field: (name: string) => string,
): number {
  if (scale === 'raw') return 1;
  if (scale === 'norm') return normUnit(concept, layer, field);
  const { coefficients, negativeRatio } = concept.calibration;
  const unit = coefficients[layer] ?? 0;
  if (unit !== 0 && Number.isFinite(unit)) return strength < 0 ? negativeRatio * unit : unit;
  throw errors.invalidValue(
    field('scale'),
    `"raw" or "norm" at layer ${layer}, where concept ${concept.name} is not calibrated`,
    scale,
  );
}

const changing = (add: Float32Array): number[] => [...add.keys()].filter((layer) => add[layer] !== 0);

function additions(resolved: readonly Resolved[]): EditTerm[] {
  const terms = resolved.flatMap(({ item, concept, layers, window, add }) => {
    if (add === null || changing(add).length === 0) return [];
    const { strength, scale, operation, positions } = item;
    const key = `${concept.version} ${JSON.stringify([strength, scale, operation, layers, positions])}`;
    const term = { vectors: concept.vectors, add, scale: new Float32Array(concept.layers), ...window };
    return [{ key, term }];
  });
  // Sums in another order differ in their last bits, and int8 kernels turn those into other answers.
  terms.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return terms.map(({ term }) => term);
}
