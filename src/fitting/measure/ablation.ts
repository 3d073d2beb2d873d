/**
 * What full ablation holds. A projection held at the neutral mean leaves much of what the model was told, and held at
 * every layer it costs plain answers more than it takes out. Here the middle third of the layers is held, what the
 * concept's message's tokens differ in at neutral, and its own direction at the depth below neutral that takes out most
 * of those that leave plain answers fluent. Clamp counts from there up to what an addition at strength 1
 * reads (docs/decisions/0012-what-ablation-holds.md).
 */
import type { Concept } from '../../concepts/concept.js';
import type { MessageDirections } from '../../concepts/message-directions.js';
import type { AblationTrial, MeasuredAblation, Readings } from '../../concepts/readings.js';
import type { ActivationEdit } from '../../engine/protocol.js';
import { SteeringItem } from '../../schemas/steering.js';
import { heldMessage, heldProjection } from '../../steering/held-projection.js';
import { holdTogether } from '../../steering/hold-together.js';
import { short } from './short.js';
import { fluencyOf } from './steering-scores.js';
import type { Selection, StrengthTrials } from './strength-trials.js';
import { suppressionOf } from './suppression.js';

/** How far below the neutral mean projections are held. */
interface Depth {
  /** Along the concept's direction, as a share of the way up to what strength 1 of `add` reads. */
  readonly below: number;
  /** Along the message's, as a share of the way up to what its own tokens read. */
  readonly messageBelow: number;
}

/** A message's direction at neutral, before anybody looked how far below it goes. */
interface NeutralMessage extends MessageDirections {
  /** [L] from the neutral mean up to what the message's own tokens read. */
  readonly reach: readonly number[];
}

/** The shallowest first. */
const depths: readonly Depth[] = [
  { below: 0, messageBelow: 0 },
  { below: 0, messageBelow: 0.25 },
  { below: 0.15, messageBelow: 0.25 },
  { below: 0, messageBelow: 0.4 },
  { below: 0, messageBelow: 0.6 },
];
/** Where there is no message. */
const depthsAlone: readonly Depth[] = [0, 0.15, 0.3, 0.5].map((below) => ({ below, messageBelow: 0 }));
/** Told answers, which cost five times what plain ones do, are given at so many: deeper takes out more, but for chance. */
const mostTold = 2;
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
 * @param message a further direction to hold
 * @returns without `ablate` where nothing tells the concept, for then nothing says what is gone
 */
export async function withAblation(
  concept: Concept,
  readings: Readings,
  message: NeutralMessage | null,
  trials: StrengthTrials,
): Promise<Readings> {
  if (trials.judge.told === null) return readings;
  const asked = trials.everything.questions.slice(0, answersEach);
  const some: Selection = { questions: asked, sampled: false };
  const held = (message === null ? depthsAlone : depths).map((depth) => atDepth(readings, message, depth));

  const glances = await trials.glancedReferences(some);
  const plain = await trials.glanced(
    held.map((ablate) => holdEverywhere(concept, readings, ablate)),
    some,
  );
  const spoken = held.map((ablate, i) => ({ ...ablate, fluency: short(fluencyOf(plain[i] ?? [], glances)) }));
  const deepest = fluentOnes(spoken).slice(-mostTold);

  const reference = await trials.referencesOf(some);
  const told = await trials.steered(
    deepest.map((ablate) => holdEverywhere(concept, readings, ablate)),
    { ...some, relevance: false },
    true,
  );
  const gone = deepest.map((ablate, i) => ({
    ...ablate,
    removed: short(suppressionOf(told[i] ?? [], reference).suppressed),
  }));
  const tried = spoken.map((one): AblationTrial => {
    const removed = gone[deepest.indexOf(one)]?.removed;
    const { below, messageBelow, fluency } = one;
    return {
      below,
      ...(messageBelow !== undefined && { messageBelow }),
      fluency,
      ...(removed !== undefined && { removed }),
    };
  });
  const best = gone.reduce((most, one) => (one.removed > most.removed ? one : most));
  const { clamp } = readings;
  return {
    ...readings,
    clamp: { layers: clamp.layers, unit: clamp.unit.map((unit) => (1 + best.below) * unit) },
    ablate: { ...best, tried },
  };
}

/** Those that leave plain answers fluent; where none does, the one that leaves them most so. */
function fluentOnes<Trial extends AblationTrial>(spoken: readonly Trial[]): readonly Trial[] {
  const fluent = spoken.filter(({ fluency }) => fluency >= leastFluency);
  if (fluent.length > 0) return fluent;
  return [spoken.reduce((most, one) => (one.fluency > most.fluency ? one : most))];
}

/** What is held at a depth, of which nothing is measured yet. */
function atDepth(
  { neutral, clamp }: Readings,
  message: NeutralMessage | null,
  { below, messageBelow }: Depth,
): MeasuredAblation {
  const down = (layer: number) => messageBelow * (message?.reach[layer] ?? 0);
  return {
    below,
    ...(messageBelow > 0 && { messageBelow }),
    ...{ fluency: 0, removed: 0, tried: [] },
    level: neutral.mean.map((mean, layer) => mean - below * (clamp.unit[layer] ?? 0)),
    ...(message !== null && {
      message: {
        vectors: message.vectors,
        level: message.level.map((level, layer) => level - down(layer)),
        unit: message.unit.map((unit, layer) => unit + down(layer)),
      },
    }),
  };
}

/** As a request's ablation would, by the same terms. */
function holdEverywhere(concept: Concept, readings: Readings, ablate: MeasuredAblation): ActivationEdit {
  const version = `${concept.version} held at ${ablate.below} ${ablate.messageBelow ?? 0}`;
  const held: Concept = { ...concept, version, readings: { ...readings, ablate } };
  const item = SteeringItem.parse({ concept: concept.name, operation: 'ablate' });
  const window = { from: 0, to: Number.POSITIVE_INFINITY };
  const own = heldProjection(item, held, readings.clamp.layers, window, (name) => name);
  const further = heldMessage(item, own);
  return holdTogether(further === null ? [own] : [own, further]).terms;
}
