/**
 * What ablate, clamp and amplify do to the projection p = <h, v>: p <- p + share (target - p). In calibrated units they
 * are centred on what the concept's readings have, its neutral mean mu0 and its ablated level a (mu0, or further down where
 * calibration found that it takes that): ablate s has share s and target a, clamp x share 1 and target a + x unit,
 * amplify g share 1 - g and target mu0. The prompt may have a level of its own, further down than the answer's, from which clamp
 * rises to the same place at strength 1. In scale "raw" or "norm" they act about
 * 0 instead, and clamp holds a projection of that many units.
 */
import type { Concept } from '../concepts/concept.js';
import { type MessageDirections, messageVectors } from '../concepts/message-directions.js';
import { ablatedLevel, type Readings } from '../concepts/readings.js';
import { errors } from '../errors.js';
import type { AnySteeringItem } from '../schemas/steering.js';
import { layersOf } from './concept-layers.js';
import { answerWindow, common, type PositionWindow, promptWindow } from './position-window.js';

export interface HeldProjection {
  /** What is done, position aside: two with the same key are the same. */
  readonly key: string;
  readonly concept: Concept;
  /** Ascending; the concept has a direction at each. */
  readonly layers: readonly number[];
  readonly share: number;
  /** [L] where the projection stands when nothing of the concept is there: a, mu0 for amplify, or 0 without a centre. */
  readonly rest: Float64Array;
  /** [L] */
  readonly target: Float64Array;
  readonly window: PositionWindow;
  /** The request's name of an item's field, for errors. */
  readonly field: (name: string) => string;
}

/**
 * Centred operations leave a text's first position alone: it is an attention sink with some twenty times the norm of all
 * others, and nothing of the concept is in it. Held where answers' tokens lie it breaks the text: on the embedded model,
 * ablating the ocean left unsteered answers a fluency of 0.80 with it and 0.94 without, and took out less of the concept.
 */
export const firstCentred = 1;

/** Whether an item acts about the neutral mean. */
export const isCentred = ({ operation, scale }: AnySteeringItem): boolean =>
  operation !== 'add' && scale === 'calibrated';

/**
 * The blocks an item means: by default those where its operation was measured.
 * @throws SteerdError invalid_value; concept_not_measured for a centred operation without readings
 */
export function itemLayers(
  item: AnySteeringItem,
  concept: Concept,
  field: (name: string) => string,
): readonly number[] {
  if (!isCentred(item)) return layersOf(item.layers, concept, field('layers'));
  const { clamp } = readingsFor(item, concept, field);
  return item.layers === 'default' ? clamp.layers : layersOf(item.layers, concept, field('layers'));
}

/** @throws SteerdError concept_not_measured; invalid_value where scale "norm" knows no norm */
export function heldProjection(
  item: AnySteeringItem,
  concept: Concept,
  layers: readonly number[],
  window: PositionWindow,
  field: (name: string) => string,
): HeldProjection {
  const { operation, strength } = item;
  const readings = isCentred(item) ? readingsFor(item, concept, field) : null;
  const share = operation === 'clamp' ? 1 : operation === 'ablate' ? strength : 1 - strength;
  const nothing =
    readings === null ? null : operation === 'amplify' ? readings.neutral.mean : ablatedLevel(readings);
  const held = readings === null ? window : { ...window, from: Math.max(window.from, firstCentred) };
  return holding({ concept, layers, share, window: held, field }, (layer) => {
    const rest = nothing?.[layer] ?? 0;
    const unit = readings === null ? rawUnit(item, concept, layer, field) : (readings.clamp.unit[layer] ?? 0);
    // Adding 0 makes no -0: clamp 0 is ablate 1 to the bit.
    return { rest, target: rest + (operation === 'clamp' ? strength * unit : 0) + 0 };
  });
}

/** @param at of each of the layers: where the projection rests there, and what it is moved to */
function holding(
  what: Omit<HeldProjection, 'key' | 'rest' | 'target'>,
  at: (layer: number) => { readonly rest: number; readonly target: number },
): HeldProjection {
  const { concept, layers, share } = what;
  const rest = new Float64Array(concept.layers);
  const target = new Float64Array(concept.layers);
  for (const layer of layers) {
    const there = at(layer);
    rest[layer] = there.rest;
    target[layer] = there.target;
  }
  const key = `${concept.version} ${JSON.stringify([share, layers, [...rest], [...target]])}`;
  return { ...what, key, rest, target };
}

/** What an item holds, part by part: no two parts of a list share a position. */
interface HeldParts {
  /** Along the concept's direction. */
  readonly own: readonly HeldProjection[];
  /** Along the message's, where calibration found that it takes that one too. */
  readonly message: readonly HeldProjection[];
}

/** @param held of the item, as the answer's positions have it */
export function heldParts(item: AnySteeringItem, held: HeldProjection, promptLength: number): HeldParts {
  const ablate = held.concept.readings?.ablate;
  if (ablate === undefined || !isCentred(item) || item.operation === 'amplify') {
    return { own: [held], message: [] };
  }
  const prompt = common(held.window, promptWindow(promptLength));
  const open = (part: HeldProjection) => part.window.from < part.window.to;
  const inPrompt =
    ablate.promptLevel &&
    heldInPrompt(ablate.promptLevel, held, item.operation === 'clamp' ? item.strength : 0);
  const message = ablate.message && heldMessage(item, held, ablate.message, prompt);
  return {
    own: inPrompt
      ? [
          { ...inPrompt, window: prompt },
          { ...held, window: common(held.window, answerWindow(promptLength)) },
        ].filter(open)
      : [held],
    message: message && open(message) ? [message] : [],
  };
}

/**
 * The same where the prompt has a level of its own: ablation goes down to that, and clamp from there up to what it holds in the
 * answer at strength 1. Below 0 and above 1 both move alike.
 * @param strength of clamp; 0 of ablate
 */
function heldInPrompt(level: readonly number[], held: HeldProjection, strength: number): HeldProjection {
  const down = 1 - within(strength);
  return holding(held, (layer) => {
    const rest = level[layer] ?? 0;
    const deeper = (held.rest[layer] ?? 0) - rest;
    // At strength 0 the level itself, to the bit.
    return { rest, target: strength === 0 ? rest : (held.target[layer] ?? 0) - down * deeper };
  });
}

const within = (strength: number) => Math.min(1, Math.max(0, strength));

/**
 * Held in the prompt alone it is let go of by clamp on the way up, wholly at strength 1; held everywhere it is held as the
 * concept's own is.
 */
function heldMessage(
  item: AnySteeringItem,
  held: HeldProjection,
  message: MessageDirections,
  prompt: PositionWindow,
): HeldProjection | null {
  const { concept } = held;
  const layers = held.layers.filter((layer) => message.vectors[layer] !== undefined);
  const inPrompt = message.positions === 'prompt';
  const letGo = inPrompt && item.operation === 'clamp';
  const share = letGo ? 1 - within(item.strength) : held.share;
  if (layers.length === 0 || share === 0) return null;
  const vectors = messageVectors(message, concept.layers, concept.hiddenSize);
  const along = { ...concept, version: `${concept.version} message`, vectors };
  const window = inPrompt ? prompt : held.window;
  return holding({ concept: along, layers, share, window, field: held.field }, (layer) => {
    const rest = message.level[layer] ?? 0;
    const above = item.operation === 'clamp' ? item.strength * (message.unit[layer] ?? 0) : 0;
    return { rest, target: rest + above + 0 };
  });
}

/** [L] the additive coefficients of an item alone. */
export function heldAdd({ concept, layers, share, target }: HeldProjection): Float32Array {
  const add = new Float32Array(concept.layers);
  for (const layer of layers) add[layer] = share * (target[layer] ?? 0);
  return add;
}

/** [L] the projection coefficients of an item alone. */
export function heldScale({ concept, layers, share }: HeldProjection): Float32Array {
  const scale = new Float32Array(concept.layers);
  for (const layer of layers) scale[layer] = 0 - share;
  return scale;
}

function readingsFor(
  { operation }: AnySteeringItem,
  { name, readings }: Concept,
  field: (name: string) => string,
): Readings {
  if (readings !== null) return readings;
  throw errors.conceptNotMeasured(
    name,
    `operation ${operation}`,
    'scale "raw", which acts about 0',
    field('operation'),
  );
}

function rawUnit(
  { operation, scale }: AnySteeringItem,
  concept: Concept,
  layer: number,
  field: (name: string) => string,
): number {
  return operation === 'clamp' && scale === 'norm' ? normUnit(concept, layer, field) : 1;
}

/** The unit of scale "norm" at a layer. */
export function normUnit(concept: Concept, layer: number, field: (name: string) => string): number {
  const norm = concept.residualNorms[layer] ?? 0;
  if (norm > 0 && Number.isFinite(norm)) return norm;
  throw errors.invalidValue(
    field('scale'),
    `"raw" at layer ${layer}, for which concept ${concept.name} knows no residual norm`,
    'norm',
  );
}
