/** What a reply says of one item: what was done to the activations, whether that was measured, and what did not happen. */
import { unmeasuredMethods } from '../concepts/concept.js';
import type { FullReceipt, SteeringReceipt } from '../schemas/steering-receipt.js';
import { calibratedLayers } from './concept-layers.js';
import { firstCentred, type HeldProjection, isCentred } from './held-projection.js';
import type { ItemEdit } from './item-edit.js';
import { itemName } from './overlap.js';
import type { JointEdit } from './together.js';

export interface AppliedItem {
  /** As it is applied; one that holds a projection as it would be alone. */
  readonly edit: ItemEdit;
  /** What it shares with others. */
  readonly told: JointEdit['told'];
  /** The blocks that the item means. */
  readonly layers: readonly number[];
  /** Null for an addition. */
  readonly held: HeldProjection | null;
  /** What of that is held where: in the prompt, then in the answer, where they differ. */
  readonly parts: readonly HeldProjection[];
  /** Where it changes something, ascending. */
  readonly acting: readonly number[];
  /** Where another item holds its direction already, at some position. */
  readonly givingWay: readonly number[];
}

/**
 * @param all items of the request, this one too
 * @param last position that will be computed at most
 */
export function receiptOf(applied: AppliedItem, all: readonly AppliedItem[], last: number): FullReceipt {
  const { edit, told, acting, givingWay } = applied;
  const { item, concept } = edit;
  const reached = edit.from <= last && edit.from < edit.to;
  const why = notMeasured(applied, all, last);
  const notes = [
    ...(reached ? [] : [`no position is in this window: the last one of this request is ${last}`]),
    ...(givingWay.length === 0
      ? []
      : [`gives way at blocks ${givingWay.join(', ')}: other items hold this direction there already`]),
  ];
  return {
    concept: itemName(edit),
    version: concept.version,
    model: concept.model,
    strength: item.strength,
    scale: item.scale,
    operation: item.operation,
    layers: [...acting],
    coefficients: acting.map((layer) => coefficient(applied, layer)),
    ...(isCentred(item) && { neutral: acting.map((layer) => concept.readings?.neutral.mean[layer] ?? 0) }),
    ...ablated(applied),
    ...inPrompt(applied),
    positions: item.positions,
    applied: reached && acting.length > 0,
    calibrated: why === null,
    ...(why !== null && { calibrated_why: why }),
    ...(notes.length > 0 && { notes }),
    ...told,
  };
}

/** Without the numbers of every layer: those of a large model would bury the answer. */
export function shortReceipt({
  coefficients: _,
  neutral: __,
  in_prompt: ____,
  ablated,
  ...rest
}: SteeringReceipt): SteeringReceipt {
  const { level: ___, ...measured } = ablated ?? {};
  return { ...rest, ...(Object.keys(measured).length > 0 && { ablated: measured }) };
}

/** One receipt for an item that steers several prompts: what differs between them, by their length, stands in its notes. */
export function receiptOverPrompts(each: readonly [SteeringReceipt, ...SteeringReceipt[]]): SteeringReceipt {
  const [first] = each;
  if (each.every((other) => JSON.stringify(other) === JSON.stringify(first))) return first;
  const { notes: _, calibrated_why: __, ...rest } = each.find(({ applied }) => applied) ?? first;
  const why = each.find(({ calibrated }) => !calibrated)?.calibrated_why;
  const notes = each.flatMap(({ notes = [] }, prompt) => notes.map((note) => `prompt ${prompt}: ${note}`));
  return {
    ...rest,
    calibrated: why === undefined,
    ...(why !== undefined && { calibrated_why: why }),
    ...(notes.length > 0 && { notes }),
  };
}

/** What is held in the answer; in the prompt, where nothing else is. */
const inAnswer = ({ parts, held }: AppliedItem) => parts.at(-1) ?? held;

function coefficient(applied: AppliedItem, layer: number): number {
  const { item, add } = applied.edit;
  const held = inAnswer(applied);
  if (held === null) return add[layer] ?? 0;
  return item.operation === 'clamp' ? Number((held.target[layer] ?? 0).toPrecision(7)) : -held.share;
}

/** Where ablation in calibrated units moves projections to, and what calibration saw of it in full and alone. */
function ablated(applied: AppliedItem): Pick<SteeringReceipt, 'ablated'> {
  const { edit, acting } = applied;
  const { item, concept } = edit;
  const held = inAnswer(applied);
  if (item.operation !== 'ablate' || held === null || !isCentred(item)) return {};
  const measured = concept.readings?.ablate;
  return {
    ablated: {
      level: acting.map((layer) => held.target[layer] ?? 0),
      ...(measured !== undefined && { removed: measured.removed, fluency: measured.fluency }),
    },
  };
}

/** Where ablate and clamp move projections to in the prompt, when that is elsewhere than in the answer. */
function inPrompt({ parts, acting }: AppliedItem): Pick<SteeringReceipt, 'in_prompt'> {
  const [prompt, answer] = parts;
  if (prompt === undefined || answer === undefined) return {};
  return { in_prompt: acting.map((layer) => Number((prompt.target[layer] ?? 0).toPrecision(7))) };
}

/** Why nobody measured what an item does; null where it was. */
function notMeasured(
  { edit: { item, concept, from, to }, layers, held }: AppliedItem,
  all: readonly AppliedItem[],
  last: number,
): string | null {
  const { scale, operation } = item;
  if (scale !== 'calibrated') return `scale "${scale}" is no multiple of what was measured`;
  const { method } = concept.calibration;
  if (operation === 'add' && unmeasuredMethods.includes(method)) {
    return `the coefficients come from method ${method}, not from a measurement`;
  }
  const together = all.filter(({ acting }) => acting.length > 0).length;
  if (together > 1) return `measured alone, and ${together} items act together here`;
  if (operation === 'ablate' && concept.readings?.ablate === undefined) {
    return 'nobody measured what ablation takes out of the answers of this concept';
  }
  const usual = held === null ? calibratedLayers(concept) : (concept.readings?.clamp.layers ?? []);
  if (layers.join() !== usual.join()) return 'measured at the default layers, and others were asked for';
  const first = held === null ? 0 : firstCentred;
  return from <= first && to > last ? null : 'measured at all positions, and others were asked for';
}
