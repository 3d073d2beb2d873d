/**
 * What full ablation holds. A projection held at the neutral mean leaves much of what the model was told, and held at
 * every layer it costs plain answers more than it takes out. Here the middle third of the layers is held below it: the
 * prompt, where a message stands that answers copy from, along the concept's direction and along what its message's
 * tokens differ in from others', and answers a little, along the concept's. Half the way that an addition goes up, or
 * less where that would break plain answers. Clamp counts from there up to what an addition at strength 1 reads (docs/decisions/0012-what-ablation-holds.md).
 */
import type { Concept } from '../../concepts/concept.js';
import type { MessageDirections } from '../../concepts/message-directions.js';
import type { AblationTrial, MeasuredAblation, Readings } from '../../concepts/readings.js';
import { SteeringItem } from '../../schemas/steering.js';
import { heldParts, heldProjection } from '../../steering/held-projection.js';
import { holdTogether } from '../../steering/hold-together.js';
import { short } from './short.js';
import { fluencyOf } from './steering-scores.js';
import type { PromptEdit, Selection, StrengthTrials } from './strength-trials.js';
import { suppressionOf } from './suppression.js';

/** A message's direction at neutral, before anybody looked how far below it goes. */
interface NeutralMessage extends Pick<MessageDirections, 'vectors' | 'level'> {
  /** [L] from the neutral mean up to what the message's own tokens read. */
  readonly reach: readonly number[];
}

/**
 * How far below the neutral mean the prompt is held, along the concept's direction: as a share of the way up to what
 * strength 1 of `add` reads. Each is tried; what is kept lies between.
 */
const depths = [0, 0.25, 0.5] as const;
/** Answers are held so much of that below it: there it costs more for what it takes out. */
const answerShare = 0.3;
/** Along the message's direction, of the way up to what its own tokens read: twice as far, and no further than all of it. */
const messageFactor = 2;
/**
 * What is to be left of plain answers' fluency at the least. A figure moves by 0.05 from sixteen questions to sixteen others:
 * nearer to what concepts have at the half, chance would decide the depth.
 */
const leastFluency = 0.85;
/** Questions asked at a depth, at the most. */
const questionsEach = 16;
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
  const questions = trials.everything.questions.slice(0, questionsEach);
  const all: Selection = { questions, sampled: true };
  const glances = await trials.glancedReferences(all);
  const held = depths.map((depth) => atDepth(readings, message, depth));
  const plain = await trials.glanced(
    held.map((ablate) => holdingEdit(concept, readings, ablate)),
    all,
  );
  const tried = held.map(
    ({ below, promptBelow, messageBelow }, i): AblationTrial => ({
      below,
      ...(promptBelow !== undefined && { promptBelow }),
      ...(messageBelow !== undefined && { messageBelow }),
      fluency: short(fluencyOf(plain[i] ?? [], glances)),
    }),
  );
  const { depth, fluency } = deepestFluent(tried);
  const kept = atDepth(readings, message, depth);

  const reference = await trials.referencesOf(all);
  const edit = holdingEdit(concept, readings, kept);
  const [told = []] = await trials.steered([edit], { ...all, relevance: false }, true);
  const removed = short(suppressionOf(told, reference).suppressed);
  const { clamp } = readings;
  return {
    ...readings,
    clamp: { layers: clamp.layers, unit: clamp.unit.map((unit) => (1 + kept.below) * unit) },
    ablate: { ...kept, fluency, removed, tried },
  };
}

/** The deepest that is fluent, and from there towards the next one as far as the line between both is; else the shallowest. */
function deepestFluent(tried: readonly AblationTrial[]): { depth: number; fluency: number } {
  const at = Math.max(
    0,
    tried.findLastIndex(({ fluency }) => fluency >= leastFluency),
  );
  const { promptBelow: from = 0, fluency: there = 0 } = tried[at] ?? {};
  const next = tried[at + 1];
  if (next === undefined || there < leastFluency) return { depth: from, fluency: there };
  const way = (there - leastFluency) / (there - next.fluency);
  const depth = short(from + way * ((next.promptBelow ?? 0) - from));
  return { depth, fluency: depth === from ? there : leastFluency };
}

/** What is held at a depth, of which nothing is measured yet. */
function atDepth(
  { neutral, clamp }: Readings,
  message: NeutralMessage | null,
  promptBelow: number,
): MeasuredAblation {
  const messageBelow = message === null ? 0 : Math.min(1, short(messageFactor * promptBelow));
  const below = short(answerShare * promptBelow);
  const lowered = (share: number) =>
    neutral.mean.map((mean, layer) => mean - share * (clamp.unit[layer] ?? 0));
  const down = (layer: number) => messageBelow * (message?.reach[layer] ?? 0);
  return {
    below,
    ...(promptBelow > 0 && { promptBelow }),
    ...(messageBelow > 0 && { messageBelow }),
    ...{ fluency: 0, removed: 0, tried: [] },
    level: lowered(below),
    ...(promptBelow > 0 && { promptLevel: lowered(promptBelow) }),
    ...(message !== null && {
      message: {
        vectors: message.vectors,
        positions: 'prompt',
        level: message.level.map((level, layer) => level - down(layer)),
        unit: message.level.map(() => 0),
      },
    }),
  };
}

/** As a request's ablation would, by the same terms. */
function holdingEdit(concept: Concept, readings: Readings, ablate: MeasuredAblation): PromptEdit {
  const version = `${concept.version} held at ${ablate.promptBelow ?? 0} ${ablate.messageBelow ?? 0}`;
  const holding: Concept = { ...concept, version, readings: { ...readings, ablate } };
  const item = SteeringItem.parse({ concept: concept.name, operation: 'ablate' });
  const window = { from: 0, to: Number.POSITIVE_INFINITY };
  const own = heldProjection(item, holding, readings.clamp.layers, window, (name) => name);
  return (promptLength) => {
    const parts = heldParts(item, own, promptLength);
    return holdTogether([...parts.own, ...parts.message]).terms;
  };
}
