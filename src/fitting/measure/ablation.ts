/**
 * What full ablation holds. A projection held at the neutral mean leaves much of what the model was told, and held at
 * every layer it costs plain answers more than it takes out. Here the middle third of the layers is held, the concept's
 * direction as far below neutral as plain answers stay fluent, and what its message's tokens differ in at neutral. What
 * goes then is measured on answers to other questions. Clamp counts from there up to what an addition at strength 1
 * reads (docs/decisions/0012-what-ablation-holds.md).
 */
import type { Concept } from '../../concepts/concept.js';
import type { MessageDirections } from '../../concepts/message-directions.js';
import type { AblationTrial, Readings } from '../../concepts/readings.js';
import type { ActivationEdit } from '../../engine/protocol.js';
import { SteeringItem } from '../../schemas/steering.js';
import { heldMessage, heldProjection } from '../../steering/held-projection.js';
import { holdTogether } from '../../steering/hold-together.js';
import { short } from './short.js';
import { fluencyOf } from './steering-scores.js';
import type { Selection, StrengthTrials } from './strength-trials.js';
import { suppressionOf } from './suppression.js';

/** How far below the neutral mean projections are held, as shares of the way up to what strength 1 of `add` reads. */
const depths = [0, 0.15, 0.3] as const;
/** What is to be left of plain answers' fluency, with a margin over what is promised (0.9). */
const leastFluency = 0.92;
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
  const hold = (depth: number) => holdEverywhere(concept, readings, message, depth);
  const { questions } = trials.everything;
  const first: Selection = { questions: questions.slice(0, few), sampled: false };
  // With few questions there are no others.
  const rest = questions.length >= 2 * few ? questions.slice(few, 2 * few) : questions.slice(-few);
  const next: Selection = { questions: rest, sampled: false };

  const reference = await trials.glancedReferences(first);
  const seen = await trials.glanced(depths.map(hold), first);
  const tried = depths.map((below, i) => ({ below, fluency: short(fluencyOf(seen[i] ?? [], reference)) }));
  const depth = deepest(tried);

  const measured = await trials.referencesOf(next);
  const [told = []] = await trials.steered([hold(depth)], next, true);
  const [plain = []] = await trials.glanced([hold(depth)], next);
  const { clamp } = readings;
  return {
    ...readings,
    clamp: { layers: clamp.layers, unit: clamp.unit.map((unit) => (1 + depth) * unit) },
    ablate: {
      level: levelAt(readings, depth),
      below: depth,
      removed: short(suppressionOf(told, measured).suppressed),
      fluency: short(fluencyOf(plain, measured)),
      tried,
      ...(message !== null && { message }),
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

/** [L] so far below the neutral mean, in units of `clamp`. */
const levelAt = ({ neutral, clamp }: Readings, depth: number): readonly number[] =>
  neutral.mean.map((mean, layer) => mean - depth * (clamp.unit[layer] ?? 0));

/**
 * As a request's ablation would, by the same terms.
 * @param depth below the neutral mean, in units of `clamp`; along the message it stays neutral
 */
function holdEverywhere(
  concept: Concept,
  readings: Readings,
  message: MessageDirections | null,
  depth: number,
): ActivationEdit {
  const ablate = {
    ...{ level: levelAt(readings, depth), below: depth, removed: 0, fluency: 0, tried: [] },
    ...(message !== null && { message }),
  };
  const version = `${concept.version} held at ${depth}`;
  const held: Concept = { ...concept, version, readings: { ...readings, ablate } };
  const item = SteeringItem.parse({ concept: concept.name, operation: 'ablate' });
  const window = { from: 0, to: Number.POSITIVE_INFINITY };
  const own = heldProjection(item, held, readings.clamp.layers, window, (name) => name);
  const further = heldMessage(item, own);
  return holdTogether(further === null ? [own] : [own, further]).terms;
}
