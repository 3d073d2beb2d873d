/**
 * Several held projections at once. The engine computes all terms of an edit from the same h, so overlapping directions
 * would each undo what the others do; here they become terms on an orthonormal basis, which do not see each other.
 *
 * Of one share s, with V the directions and t their targets, h moves by the smallest change that moves every projection
 * the share s of the way to its target: h + s V (V'V)^-1 (t - V'h). With V = QR that is h + s sum_k (y_k - <h, q_k>) q_k,
 * where R'y = t. Shares go in descending order: who takes out more goes first, and what comes later moves only what is
 * orthogonal to it, about that part's rest. Positions are cut where windows begin and end.
 */
import type { EditTerm } from '../engine/protocol.js';
import { errors } from '../errors.js';
import { ascendingLayers } from './concept-layers.js';
import { type HeldBasis, heldBasis } from './held-basis.js';
import type { HeldProjection } from './held-projection.js';
import { type PositionWindow, stretches } from './position-window.js';

/**
 * Each costs [L, H] numbers in every row of a batch. Eight items that hold a message in the prompt too are 24, and twice as
 * many with a window inside it; eight in windows that all overlap would come to more.
 */
const mostTerms = 56;

interface HeldTogether {
  /** The same for the same items in any order. */
  readonly terms: readonly EditTerm[];
  /** Of each item: the layers at which it acts at some position, ascending. */
  readonly acting: readonly (readonly number[])[];
  /** Of each item: the layers at which it gives way at some position to those before it. */
  readonly givingWay: readonly (readonly number[])[];
}

/**
 * @param items with a share other than 0
 * @throws SteerdError invalid_value when two would hold one direction at different values, and for too many windows
 */
export function holdTogether(items: readonly HeldProjection[]): HeldTogether {
  const order = [...items.keys()].sort((a, b) =>
    compare(items[a] as HeldProjection, items[b] as HeldProjection),
  );
  const sorted = order.map((index) => items[index] as HeldProjection);
  const acting = items.map(() => new Set<number>());
  const givingWay = items.map(() => new Set<number>());
  const terms: EditTerm[] = [];
  for (const { window, open } of stretches(sorted.map((item) => item.window))) {
    const together = withoutRepeats(open.map((at) => sorted[at] as HeldProjection));
    checkAgreement(together);
    const basis = heldBasis(together);
    const found = termsOf(together, basis, window);
    for (const [k, { key }] of together.entries()) {
      for (const at of open) {
        const item = sorted[at] as HeldProjection;
        if (item.key !== key) continue;
        for (const layer of item.layers) {
          const acts = basis.coordinates[k]?.has(layer) ?? false;
          (acts ? acting : givingWay)[order[at] as number]?.add(layer);
        }
      }
    }
    for (const term of found) append(terms, term);
  }
  if (terms.length > mostTerms) {
    throw errors.invalidRequest(
      `steering must have fewer different positions: ablate, clamp and amplify come to ${terms.length} terms of an edit (limit ${mostTerms}).`,
      'steering',
    );
  }
  return { terms, acting: acting.map(ascendingLayers), givingWay: givingWay.map(ascendingLayers) };
}

function compare(a: HeldProjection, b: HeldProjection): number {
  if (a.share !== b.share) return b.share - a.share;
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

const withoutRepeats = (items: readonly HeldProjection[]): readonly HeldProjection[] =>
  items.filter(({ key }, i) => items.findIndex((other) => other.key === key) === i);

/** One direction cannot be held at two values. */
function checkAgreement(items: readonly HeldProjection[]): void {
  for (const [i, item] of items.entries()) {
    for (const other of items.slice(0, i)) {
      if (item.share !== 1 || other.share !== 1 || item.concept.version !== other.concept.version) continue;
      const layer = item.layers.find(
        (at) => other.layers.includes(at) && item.target[at] !== other.target[at],
      );
      if (layer === undefined) continue;
      throw errors.invalidValue(
        item.field('operation'),
        `such that concept ${item.concept.name} is not held at two values: at block ${layer} it is held at ${other.target[layer]} already`,
        item.target[layer],
      );
    }
  }
}

function termsOf(
  items: readonly HeldProjection[],
  { vectors, coordinates }: HeldBasis,
  { from, to }: PositionWindow,
): readonly EditTerm[] {
  const layers = items[0]?.concept.layers ?? 0;
  const adds = items.map(() => new Float32Array(layers));
  const scales = items.map(() => new Float32Array(layers));
  for (let layer = 0; layer < layers; layer++) {
    /** Coordinates on the basis of where everything rests, and of the targets of the group of one share. */
    const rests: number[] = [];
    const targets: number[] = [];
    let share = Number.NaN;
    for (const [k, item] of items.entries()) {
      const row = coordinates[k]?.get(layer);
      if (item.share !== share) targets.splice(0, targets.length, ...rests);
      share = item.share;
      if (row === undefined) {
        rests.push(0);
        targets.push(0);
        continue;
      }
      rests.push(coordinate(row, rests, item.rest[layer] ?? 0));
      targets.push(coordinate(row, targets, item.target[layer] ?? 0));
      // Adding 0 makes no -0.
      (adds[k] as Float32Array)[layer] = share * (targets[k] ?? 0) + 0;
      (scales[k] as Float32Array)[layer] = -share;
    }
  }
  return items.flatMap((_, k) => {
    const [add, scale] = [adds[k] as Float32Array, scales[k] as Float32Array];
    return scale.every((value) => value === 0)
      ? []
      : [{ vectors: vectors[k] as Float32Array, add, scale, from, to }];
  });
}

/** The next coordinate of a point whose projection on v is `projection`, v having the coordinates `row`. */
function coordinate(row: readonly number[], before: readonly number[], projection: number): number {
  const known = before.reduce((sum, value, j) => sum + (row[j] ?? 0) * value, 0);
  return (projection - known) / (row[before.length] ?? 1);
}

/** Adds a term; one that goes on with what an earlier one does makes that one longer. */
function append(terms: EditTerm[], term: EditTerm): void {
  const equal = (a: Float32Array, b: Float32Array) => a.every((value, i) => value === b[i]);
  const at = terms.findIndex(
    ({ vectors, add, scale, to }) =>
      to === term.from && vectors === term.vectors && equal(add, term.add) && equal(scale, term.scale),
  );
  const earlier = terms[at];
  if (earlier === undefined) terms.push(term);
  else terms[at] = { ...earlier, to: term.to };
}
