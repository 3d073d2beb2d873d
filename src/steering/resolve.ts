/**
 * From what a request asks for to what the engine does: items become terms of one activation edit,
 * h <- h + (a + s <h, v>) v, with a receipt for each. add: a = c, s = 0, and sums stay sums, within one budget
 * (together.ts). ablate, clamp and amplify
 * hold projections (held-projection.ts) and are worked out together (hold-together.ts), so that each lands on its target; an
 * addition beside them comes on top of what they hold. What would change nothing is left out, so strength 0 of `add` is
 * exactly the unsteered model. What cannot be applied is an error.
 */
import type { Concept } from '../concepts/concept.js';
import type { ActivationEdit, EditTerm } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { AnySteeringItem, SteeringBudget } from '../schemas/steering.js';
import type { FullReceipt } from '../schemas/steering-receipt.js';
import { ascendingLayers } from './concept-layers.js';
import { heldAdd, heldParts, heldProjection, heldScale, itemLayers, normUnit } from './held-projection.js';
import { holdTogether } from './hold-together.js';
import { type ItemContext, itemConcept } from './item-concept.js';
import { addedLayers, type ItemEdit } from './item-edit.js';
import { positionWindow } from './position-window.js';
import { type AppliedItem, receiptOf } from './receipt.js';
import { StrengthCap } from './strength-cap.js';
import { applyTogether, type JointEdit } from './together.js';

interface SteeringContext extends ItemContext {
  /** Tokens of the prompt, at least one. */
  readonly promptLength: number;
  /** The most tokens that the answer may have: positions behind it never come. The context's rest by default. */
  readonly answerTokens?: number;
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
  readonly receipts: readonly FullReceipt[];
}

/** @throws SteerdError naming the item's field when a steering cannot be applied. */
export function resolveSteering(
  items: readonly AnySteeringItem[],
  context: SteeringContext,
): ResolvedSteering {
  const { maxStrength } = context.concepts;
  const cap = maxStrength === undefined ? null : new StrengthCap(maxStrength);
  const alone = items.map((item, i): Single => {
    const field = fieldOf(i, items.length, context);
    const concept = itemConcept(item, 'steering', context, field);
    const layers = itemLayers(item, concept, field);
    const { capacity } = context.model.shape;
    const window = positionWindow(item.positions, context.promptLength, capacity, field('positions'));
    const held = item.operation === 'add' ? null : heldProjection(item, concept, layers, window, field);
    const add = held === null ? additive(item, concept, layers, field) : heldAdd(held);
    if (held === null) cap?.add(item, concept, add, field('strength'));
    else cap?.hold(item, held, field('strength'));
    const { strength, scale: unit, operation, positions } = item;
    const key = `${concept.version} ${JSON.stringify([strength, unit, operation, layers, positions])}`;
    const scale = held === null ? new Float32Array(concept.layers) : heldScale(held);
    const edit = { item, concept, key, directions: concept.version, vectors: concept.vectors, add, scale };
    return { layers, held, edit: { ...edit, ...(held?.window ?? window) } };
  });
  const parts = alone.map(({ held, edit: { item } }) =>
    held === null || held.share === 0 ? null : heldParts(item, held, context.promptLength),
  );
  const holding = parts.flatMap((part) => (part === null ? [] : [...part.own, ...part.message]));
  const together = holdTogether(holding);
  /** Of an item's own direction, at any of its positions. */
  const ofOwn = (i: number, layers: readonly (readonly number[])[]) =>
    ascendingLayers((parts[i]?.own ?? []).flatMap((part) => layers[holding.indexOf(part)] ?? []));
  const joint = applyTogether(
    alone.map(({ edit }) => edit),
    context.budget ?? true,
    `${context.field ?? 'steering'}.budget`,
  );
  const applied = alone.map((one, i): AppliedItem => {
    const { edit, told } = joint[i] as JointEdit;
    const acting = one.held === null ? addedLayers(edit) : ofOwn(i, together.acting);
    return {
      ...one,
      edit,
      told,
      parts: parts[i]?.own ?? [],
      acting,
      givingWay: ofOwn(i, together.givingWay),
    };
  });
  const receipts = applied.map((one) => receiptOf(one, applied, lastPosition(context)));
  context.concepts.steered?.(receipts);
  return { edit: [...together.terms, ...additions(joint.map(({ edit }) => edit))], receipts };
}

/** One item by itself. */
type Single = Pick<AppliedItem, 'layers' | 'held' | 'edit'>;

/** The last position that is computed: the answer's last token is drawn there. */
function lastPosition({ promptLength, answerTokens, model }: SteeringContext): number {
  const { capacity } = model.shape;
  return Math.min(capacity, promptLength - 1 + Math.max(1, answerTokens ?? capacity)) - 1;
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

function additions(edits: readonly ItemEdit[]): EditTerm[] {
  // Sums in another order differ in their last bits, and int8 kernels turn those into other answers.
  return edits
    .filter((edit) => addedLayers(edit).length > 0 && edit.from < edit.to)
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ vectors, add, scale, from, to }) => ({ vectors, add, scale, from, to }));
}
