/**
 * Steering by the model's name, for clients that cannot send extra fields: `model@concept:strength`, more of them
 * joined by `+`. Concepts' names have none of these signs. A strength is a decimal number; left out, it is 1.
 */
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import type { ModelRegistry } from '../models/registry.js';
import { maxSteeringItems, SteeringItem } from '../schemas/steering.js';

export interface NamedModel {
  readonly model: LoadedModel;
  /** As the request has it. */
  readonly name: string;
  /** What the name asks to steer by; null for a plain name. */
  readonly steering: readonly SteeringItem[] | null;
}

/** The alias of one concept at strength 1. */
export const aliasOf = (model: string, concept: string): string => `${model}@${concept}:1`;

/**
 * @throws SteerdError model_not_found, model_unavailable; invalid_value for an alias of another form
 */
export function namedModel(
  asked: string | undefined,
  models: Pick<ModelRegistry, 'get' | 'ids' | 'defaultId'>,
): NamedModel {
  const name = asked ?? models.defaultId;
  const ids = models.ids();
  const id = ids.includes(name) ? name : ids.find((known) => name.startsWith(`${known}@`));
  if (id === undefined || id === name) return { model: models.get(asked), name, steering: null };
  const steering = aliasItems(name, name.slice(id.length + 1));
  return { model: models.get(id), name, steering };
}

function aliasItems(name: string, alias: string): readonly SteeringItem[] {
  const parts = alias.split('+');
  if (parts.length > maxSteeringItems) {
    throw errors.invalidValue('model', `an alias of at most ${maxSteeringItems} concepts`, parts.length);
  }
  return parts.map((part) => {
    const [, concept, strength] = /^([^:@]+?)(?::(-?\d+(?:\.\d+)?|-?\.\d+))?$/.exec(part) ?? [];
    const item = SteeringItem.safeParse({
      concept,
      ...(strength === undefined ? {} : { strength: Number(strength) }),
    });
    if (item.success) return item.data;
    throw errors.invalidValue(
      'model',
      'of the form model@concept:strength[+concept:strength], with strengths like 0.8 from -100 to 100',
      name,
    );
  });
}
