/** What steers a completion, in whichever of the equal ways its request says it. */
import { errors } from '../errors.js';
import {
  type AnySteeringItem,
  type SteeringAlternative,
  type SteeringBody,
  type SteeringBudget,
  SteeringItem,
  type SuspendedPart,
} from '../schemas/steering.js';

/** Items that are applied together. */
export interface SteeringSet {
  readonly items: readonly AnySteeringItem[];
  readonly budget: SteeringBudget;
  /** Where the request has the items in a list under a name of its own; undefined elsewhere. */
  readonly list?: 'items';
  /** Parts of the answer in which they do not act. */
  readonly suspend?: readonly SuspendedPart[];
}

/** What a completion is steered by. */
export interface AskedSteering {
  /** The items of each alternative; exactly one set when nothing is compared. */
  readonly alternatives: readonly SteeringSet[];
  /** Whether the request listed alternatives: then each choice has its own receipt. */
  readonly compared: boolean;
}

/**
 * What a completion is steered by, in whichever of the equal ways its request says it.
 * @param alias what the model's name says already
 * @throws SteerdError invalid_value when steering is said in more than one place, or `strength` has no concept
 */
export function askedSteering(
  { concept, strength, steering = null }: SteeringBody,
  alias: readonly SteeringItem[] | null = null,
): AskedSteering {
  const given = concept !== undefined ? 'concept' : steering !== null ? 'steering' : null;
  if (alias !== null && given !== null) {
    throw errors.invalidRequest(
      `${given} must be left out when model says what steers (model@concept:strength): say it in one place.`,
      given,
    );
  }
  if (concept !== undefined) {
    if (steering === null) return applied([SteeringItem.parse({ concept, strength })]);
    throw errors.invalidValue('concept', 'left out when steering is given: say it in one place', concept);
  }
  if (strength !== undefined) throw errors.invalidValue('strength', 'given together with concept', strength);
  if (alias !== null) return applied(alias);
  if (steering !== null && 'choices' in steering) {
    return { alternatives: steering.choices.map(setOf), compared: true };
  }
  return { alternatives: [setOf(steering)], compared: false };
}

const applied = (items: readonly AnySteeringItem[]): AskedSteering => ({
  alternatives: [{ items, budget: true }],
  compared: false,
});

function setOf(asked: SteeringAlternative): SteeringSet {
  if (asked === null) return { items: [], budget: true };
  if (Array.isArray(asked)) return { items: asked, budget: true };
  if (!('items' in asked)) return { items: [asked], budget: true };
  const items = asked.items.map((item) =>
    asked.orthogonalize && item.operation === 'add' ? { orthogonalize: true, ...item } : item,
  );
  return { items, budget: asked.budget, list: 'items', suspend: asked.suspend };
}
