/**
 * Steering by the model's name, for clients that cannot send extra fields: `model@concept:strength`, more of them
 * joined by `+`. Concepts' names have none of these signs. A strength is a decimal number; left out, it is 1. A concept may be
 * pinned: `model@concept@version:strength`.
 */
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import { type ModelRegistry, missingModel } from '../models/registry.js';
import { maxSteeringItems, SteeringItem } from '../schemas/steering.js';

interface NamedModel {
  readonly model: LoadedModel;
  /** As the request has it. */
  readonly name: string;
  /** What the name asks to steer by; null for a plain name. */
  readonly steering: readonly SteeringItem[] | null;
}

/** The alias of one concept at strength 1. */
export const aliasOf = (model: string, concept: string): string => `${model}@${concept}:1`;

/**
 * @throws SteerdError model_not_found, model_elsewhere, model_unavailable; invalid_value for an alias of another form
 */
export async function namedModel(
  asked: string | undefined,
  models: Pick<ModelRegistry, 'get' | 'ids' | 'refresh' | 'defaultId' | 'elsewhere'>,
  signal?: AbortSignal,
): Promise<NamedModel> {
  const { id, name, steering } = await readModelName(asked, models);
  return { model: await models.get(id, signal), name, steering };
}

/**
 * What a name means, whether the model is loaded or not.
 * @throws SteerdError model_not_found, model_elsewhere; invalid_value for an alias of another form
 */
export async function readModelName(
  asked: string | undefined,
  models: Pick<ModelRegistry, 'ids' | 'refresh' | 'defaultId' | 'elsewhere'>,
): Promise<Omit<NamedModel, 'model'> & { readonly id: string }> {
  const name = asked ?? models.defaultId;
  const find = () => {
    const ids = models.ids();
    return ids.includes(name) ? name : ids.find((known) => name.startsWith(`${known}@`));
  };
  let id = find();
  if (id === undefined) {
    await models.refresh();
    id = find();
  }
  if (id === undefined) throw missingModel(models, name);
  return { id, name, steering: id === name ? null : aliasItems(name, name.slice(id.length + 1)) };
}

function aliasItems(name: string, alias: string): readonly SteeringItem[] {
  const parts = alias.split('+');
  if (parts.length > maxSteeringItems) {
    throw errors.invalidValue('model', `an alias of at most ${maxSteeringItems} concepts`, parts.length);
  }
  return parts.map((part) => {
    const [, concept, strength] =
      /^([^:@]+?(?:@[0-9a-f]{8,64})?)(?::(-?\d+(?:\.\d+)?|-?\.\d+))?$/.exec(part) ?? [];
    const item = SteeringItem.safeParse({
      concept,
      ...(strength === undefined ? {} : { strength: Number(strength) }),
    });
    if (item.success) return item.data;
    throw errors.invalidValue(
      'model',
      'of the form model@concept:strength[+concept@version:strength], with strengths like 0.8 from -100 to 100',
      name,
    );
  });
}
