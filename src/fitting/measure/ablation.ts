/**
 * What full ablation holds, and what clamp holds at strength 1. A projection held at the neutral mean leaves much of what
 * the model was told, and held at every layer it costs plain answers more than it takes out: the middle third of the layers
 * does better, and a little below neutral more of the concept goes. How far below is found for every concept: plain
 * answers say how far they stay fluent, and answers to other questions what is gone there. Clamp at strength 1 then holds
 * what shows as much of the concept as strength 1 of an addition does.
 */
import type { Concept } from '../../concepts/concept.js';
import type { MessageDirections } from '../../concepts/message-directions.js';
import type { AblationTrial, Readings } from '../../concepts/readings.js';
import type { ActivationEdit } from '../../engine/protocol.js';
import { SteeringItem } from '../../schemas/steering.js';
import { heldMessage, heldProjection } from '../../steering/held-projection.js';
import { holdTogether } from '../../steering/hold-together.js';
import type { Glance } from './judge.js';
import { short } from './short.js';
import { at, risingCurve } from './sigmoid.js';
import { fluencyOf } from './steering-scores.js';
import { glancedScores } from './strength-search.js';
import type { Selection, StrengthTrials } from './strength-trials.js';
import { suppressionOf } from './suppression.js';
import { addEverywhere } from './unit-edit.js';

/** How far below the neutral mean projections are held, as shares of the way up to what strength 1 of `add` reads. */
const depths = [0, 0.15, 0.3] as const;
/** What is to be left of plain answers' fluency, with a margin over what is promised (0.9). */
const leastFluency = 0.92;
/** Clamped beyond the neutral mean, in the same unit: what the concept then shows is compared with an addition. */
const heights = [0.8, 1.6] as const;
/** Greedy answers of a kind. Depth is chosen by the first, and what it does is measured on the next. */
const few = 8;
/** Share of the steered layers at either end that centred operations leave alone. */
const spared = 1 / 3;

/** The middle third of them. */
export function middleLayers(layers: readonly number[]): readonly number[] {
  const cut = Math.floor(spared * layers.length);
  return layers.slice(cut, layers.length - cut);
}

/**
 * The same readings with what ablation and clamp hold.
 * @param readings whose `clamp` has the layers, and a unit that leads from the neutral mean to what an addition at
 *   strength 1 reads
 * @param message a further direction to hold, in the same way
 * @returns without `ablate` where nothing tells the concept, for then nothing says what is gone
 */
export async function withAblation(
  concept: Concept,
  readings: Readings,
  message: MessageDirections | null,
  trials: StrengthTrials,
): Promise<Readings> {
  if (trials.judge.told === null) return readings;
  const hold = (distance: number) => holdEverywhere(concept, readings, message, distance);
  const { questions } = trials.everything;
  const first: Selection = { questions: questions.slice(0, few), sampled: false };
  // With few questions there are no others.
  const rest = questions.length >= 2 * few ? questions.slice(few, 2 * few) : questions.slice(-few);
  const next: Selection = { questions: rest, sampled: false };

  const reference = await trials.glancedReferences(first);
  const edits = [
    ...depths.map((depth) => hold(-depth)),
    ...heights.map(hold),
    addEverywhere(concept, concept.calibration.coefficients),
  ];
  const seen = await trials.glanced(edits, first);
  const below = seen.slice(0, depths.length).map((answers, i) => ({
    below: depths[i] as number,
    fluency: short(fluencyOf(answers, reference)),
  }));
  const depth = deepest(below);
  const clamped = seen.slice(depths.length, -1);
  const height = heightLike(seen.at(-1) ?? [], clamped, reference);

  const measured = await trials.referencesOf(next);
  const [told = []] = await trials.steered([hold(-depth)], next, true);
  const [plain = []] = await trials.glanced([hold(-depth)], next);
  const { neutral, clamp } = readings;
  return {
    ...readings,
    clamp: { layers: clamp.layers, unit: clamp.unit.map((unit) => (height + depth) * unit) },
    ablate: {
      level: neutral.mean.map((mean, layer) => mean - depth * (clamp.unit[layer] ?? 0)),
      below: depth,
      removed: short(suppressionOf(told, measured).suppressed),
      fluency: short(fluencyOf(plain, measured)),
      tried: below,
      ...(message !== null && {
        message: { ...message, unit: message.unit.map((unit) => height * unit) },
      }),
    },
  };
}

/**
 * The deepest that leaves plain answers fluent, on the straight line through what was tried: eight answers at one depth
 * would tell little. The neutral mean where the line says that of no depth.
 */
function deepest(tried: readonly AblationTrial[]): number {
  const mean = (of: (one: AblationTrial) => number) =>
    tried.reduce((sum, one) => sum + of(one), 0) / tried.length;
  const [x, y] = [mean(({ below }) => below), mean(({ fluency }) => fluency)];
  const square = mean(({ below }) => (below - x) ** 2);
  // What goes deeper does not become more fluent.
  const slope = Math.min(0, mean(({ below, fluency }) => (below - x) * (fluency - y)) / square);
  const most = tried.at(-1)?.below ?? 0;
  const steps = Array.from({ length: 31 }, (_, i) => short((most * (30 - i)) / 30));
  return steps.find((depth) => y + slope * (depth - x) >= leastFluency) ?? 0;
}

/** The height that shows what an addition at strength 1 shows, on the curve through what was tried. */
function heightLike(
  added: readonly Glance[],
  clamped: readonly (readonly Glance[])[],
  reference: Parameters<typeof glancedScores>[1],
): number {
  const shown = (answers: readonly Glance[]) => glancedScores(answers, reference).concept ?? 0;
  const wanted = shown(added);
  const curve = risingCurve(
    clamped.map((answers, i) => ({ x: heights[i] as number, y: shown(answers), weight: 1 })),
  );
  const [low, high] = [heights[0], heights.at(-1) as number];
  const steps = Array.from({ length: 40 }, (_, i) => short(low + ((high - low) * i) / 39));
  return steps.find((height) => at(curve, height) >= wanted) ?? high;
}

/**
 * As a request's clamp would: by the same terms.
 * @param distance from the neutral mean, in units of `clamp`; the message's direction stays neutral below it
 */
function holdEverywhere(
  concept: Concept,
  { neutral, clamp, ...readings }: Readings,
  message: MessageDirections | null,
  distance: number,
): ActivationEdit {
  const level = neutral.mean.map((mean, layer) => mean + distance * (clamp.unit[layer] ?? 0));
  const above = Math.max(0, distance);
  const held: Concept = {
    ...concept,
    version: `${concept.version} held at ${distance}`,
    readings: {
      ...readings,
      neutral,
      clamp,
      ablate: {
        ...{ level, below: 0, removed: 0, fluency: 0, tried: [] },
        ...(message !== null && {
          message: {
            ...message,
            level: message.level.map((mean, layer) => mean + above * (message.unit[layer] ?? 0)),
          },
        }),
      },
    },
  };
  const item = ablation(concept.name);
  const window = { from: 0, to: Number.POSITIVE_INFINITY };
  const own = heldProjection(item, held, clamp.layers, window, (name) => name);
  const further = heldMessage(item, own);
  return holdTogether(further === null ? [own] : [own, further]).terms;
}

const ablation = (concept: string) => SteeringItem.parse({ concept, operation: 'ablate' });
