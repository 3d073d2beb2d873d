/**
 * The joint budget of a request's items. A concept at strength 1 was measured to read well alone; the sum of several is
 * a longer push than any of them, and breaks the text that each alone would leave whole. So the sum is kept to what one
 * concept may do: the largest push that one of the items would be alone at strength 1, or at its own strength if that is
 * more. All items that count are made smaller by one factor, which keeps their proportions. Two unrelated concepts at
 * strength 1 act at about 0.71 each, at 0.5 as they are; the same concept twice at 0.5 is once at 1.
 *
 * A push is measured as calibrations do (`unitEdit`): the mean over the edited blocks of its length over the mean norm of
 * the residual stream there.
 */
import { knownCosines } from '../concepts/similarity.js';
import { errors } from '../errors.js';
import type { SteeringBudget } from '../schemas/steering.js';
import type { SteeringReceipt } from '../schemas/steering-receipt.js';
import { ascendingLayers } from './concept-layers.js';
import { addedLayers, directionsOf, type ItemEdit } from './item-edit.js';

type Told = NonNullable<SteeringReceipt['budget']>;

interface JointBudget {
  readonly told: Told;
  /** Whether an item counts, by its place in the request. */
  readonly counts: readonly boolean[];
}

/** Room for rounding: a sum this close to the budget keeps to it. */
const rounding = 1e-6;

/**
 * @param alone what each item comes to by itself: it says what may be
 * @param edits the same as they are applied: their sum is what is asked for
 * @param field the request's name of the budget, for errors
 * @returns null when nothing is limited
 * @throws SteerdError invalid_value for a number where no concept knows the norm of the stream
 */
export function jointBudget(
  alone: readonly ItemEdit[],
  edits: readonly ItemEdit[],
  budget: SteeringBudget,
  field: string,
): JointBudget | null {
  if (budget === false) return null;
  const isNumber = typeof budget === 'number';
  // Raw coefficients and shares of the norm are numbers that the request chose: only a number of its own limits them.
  const counts = alone.map(
    (edit) => addedLayers(edit).length > 0 && (isNumber || edit.item.scale === 'calibrated'),
  );
  // Sorted, so that the sums do not depend on the items' order.
  const counted = alone
    .map((single, i) => ({ single, applied: edits[i] ?? single }))
    .filter((_, i) => counts[i])
    .sort((a, b) => (a.applied.key < b.applied.key ? -1 : a.applied.key > b.applied.key ? 1 : 0));
  if (counted.length < (isNumber ? 1 : 2)) return null;

  const singles = counted.map(({ single }) => single);
  const layers = ascendingLayers(singles.flatMap(addedLayers));
  const norms = streamNorms(singles, layers);
  if (isNumber && norms === null) {
    throw errors.invalidValue(field, "true or false: the stream's norm is not known to the concepts", budget);
  }
  const share = (push: (layer: number) => number) =>
    layers.reduce((sum, layer) => sum + push(layer) / (norms?.get(layer) ?? 1), 0) / layers.length;

  const allowed = isNumber ? budget : Math.max(...singles.map((single) => share(pushAtLeastOne(single))));
  const applied = counted.map((pair) => pair.applied);
  const asked = Math.max(...together(applied).map((group) => share(jointPush(group))));
  const factor = asked <= allowed * (1 + rounding) ? 1 : allowed / asked;
  return { told: norms ? { asked, allowed, factor } : { asked: null, allowed: null, factor }, counts };
}

/** The edit with a budget's factor; the very same when that is 1. */
export function withinBudget(edit: ItemEdit, factor: number): ItemEdit {
  return factor === 1 ? edit : { ...edit, add: edit.add.map((coefficient) => coefficient * factor) };
}

/** The length of an item's push alone, at strength 1 or -1 if it asks for less. */
function pushAtLeastOne({ item, add }: ItemEdit): (layer: number) => number {
  const more = item.scale === 'calibrated' ? Math.max(1, 1 / Math.abs(item.strength)) : 1;
  return (layer) => more * Math.abs(add[layer] ?? 0);
}

/** The length of a sum of pushes: |sum_i a_i v_i|^2 = sum_ij a_i a_j cos_ij. */
function jointPush(edits: readonly ItemEdit[]): (layer: number) => number {
  const directions = edits.map(directionsOf);
  const cosines = directions.map((a) => directions.map((b) => knownCosines(a, b)));
  return (layer) => {
    let square = 0;
    for (const [i, { add }] of edits.entries()) {
      for (const [j, other] of edits.entries()) {
        const product = (add[layer] ?? 0) * (other.add[layer] ?? 0);
        if (product !== 0) square += product * (cosines[i]?.[j]?.[layer] ?? 0);
      }
    }
    return Math.sqrt(Math.max(0, square));
  };
}

/** The groups of items that act at the same position: they change only where one begins or ends. */
function together(edits: readonly ItemEdit[]): ItemEdit[][] {
  const places = [...new Set(edits.flatMap(({ from, to }) => [from, to]))];
  return places.map((place) => edits.filter(({ from, to }) => from <= place && place < to));
}

/** By block the mean of what the concepts know of the stream's norm; null when it is unknown at one of them. */
function streamNorms(
  edits: readonly ItemEdit[],
  layers: readonly number[],
): ReadonlyMap<number, number> | null {
  const norms = new Map<number, number>();
  for (const layer of layers) {
    const known = edits
      .map(({ concept }) => concept.residualNorms[layer] ?? 0)
      .filter((norm) => norm > 0 && Number.isFinite(norm));
    if (known.length === 0) return null;
    norms.set(layer, known.reduce((sum, norm) => sum + norm, 0) / known.length);
  }
  return norms;
}
