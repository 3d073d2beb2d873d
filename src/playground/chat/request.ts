/** The request of a turn: one for both answers, the plain and the steered one, with the same seed. */
import type { SteeringItem } from '../../schemas/steering.js';
import { mostConcepts, type SetUp, type SteeredConcept } from './set-up.js';

export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

type Item = Pick<SteeringItem, 'concept' | 'strength'> & Partial<SteeringItem>;

export interface ChatBody {
  readonly model: string;
  readonly messages: readonly Message[];
  readonly seed: number;
  readonly temperature: number;
  readonly max_tokens: number;
  readonly steering?: { readonly choices: readonly [null, readonly Item[]] };
  readonly monitor?: readonly string[];
}

/** Only what is not the API's default, as one would write it by hand. */
function itemOf({ name, strength, operation, layers, positions }: SteeredConcept): Item {
  return {
    concept: name,
    strength,
    ...(operation === 'add' ? {} : { operation }),
    ...(layers === 'default' ? {} : { layers }),
    ...(positions === 'all' ? {} : { positions }),
  };
}

/** Those that change something: adding nothing is no steering. */
export const acting = ({ concepts }: SetUp): readonly SteeredConcept[] =>
  concepts.filter(({ strength, operation }) => strength !== 0 || operation !== 'add');

/** What is read of every token: what steers, and what is watched beside it. */
export const monitored = ({ concepts, watched }: SetUp): readonly string[] =>
  [...new Set([...concepts.map(({ name }) => name), ...watched])].slice(0, mostConcepts);

/** @param messages with the question last, without the system message */
export function chatBody(setUp: SetUp, model: string, messages: readonly Message[]): ChatBody {
  const items = acting(setUp).map(itemOf);
  const monitor = monitored(setUp);
  return {
    model,
    messages: [
      ...(setUp.system.trim() === '' ? [] : [{ role: 'system', content: setUp.system } as const]),
      ...messages,
    ],
    seed: setUp.seed,
    temperature: setUp.temperature,
    max_tokens: setUp.maxTokens,
    ...(items.length === 0 ? {} : { steering: { choices: [null, items] } as const }),
    ...(monitor.length === 0 ? {} : { monitor }),
  };
}
