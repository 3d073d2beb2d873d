/**
 * What full ablation holds. A projection held at the neutral mean leaves much of what the model was told, and held at
 * every layer it costs plain answers more than it takes out. Here the middle third of the layers is held, what the
 * concept's message's tokens differ in at neutral, and its own direction at the depth below neutral that takes out most
 * of those that leave plain answers fluent. Clamp counts from there up to what an addition at strength 1
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
const depths = [0, 0.15, 0.3, 0.5] as const;
/** What is to be left of plain answers' fluency. */
const leastFluency = 0.9;
/**
 * Greedy answers of a kind at a depth, at the most. With half as many a share that is gone moves by a fifth from one set of
 * questions to another, and a depth is chosen by chance.
 */
const answersEach = 16;
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
  const asked = trials.everything.questions.slice(0, answersEach);
  const some: Selection = { questions: asked, sampled: false };

  const glances = await trials.glancedReferences(some);
  const plain = await trials.glanced(depths.map(hold), some);
  const spoken = depths.map((below, i) => ({ below, fluency: short(fluencyOf(plain[i] ?? [], glances)) }));
  const worth = fluentOnes(spoken);

  const reference = await trials.referencesOf(some);
  const told = await trials.steered(
    worth.map(({ below }) => hold(below)),
    { ...some, relevance: false },
    true,
  );
  const gone = worth.map(({ below }, i) => ({
    below,
    removed: short(suppressionOf(told[i] ?? [], reference).suppressed),
  }));
  const tried = spoken.map(
    (one): AblationTrial => ({ ...one, ...gone.find(({ below }) => below === one.below) }),
  );
  const best = gone.reduce((most, one) => (one.removed > most.removed ? one : most));
  const { below: depth, removed } = best;
  const fluency = spoken.find(({ below }) => below === depth)?.fluency ?? 0;
  const { clamp } = readings;
  return {
    ...readings,
    clamp: { layers: clamp.layers, unit: clamp.unit.map((unit) => (1 + depth) * unit) },
    ablate: {
      level: levelAt(readings, depth),
      below: depth,
      removed,
      fluency,
      tried,
      ...(message !== null && { message }),
    },
  };
}

/** Those depths that leave plain answers fluent; where none does, the one that leaves them most so. */
function fluentOnes(spoken: readonly AblationTrial[]): readonly AblationTrial[] {
  const fluent = spoken.filter(({ fluency }) => fluency >= leastFluency);
  if (fluent.length > 0) return fluent;
  return [spoken.reduce((most, one) => (one.fluency > most.fluency ? one : most))];
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
