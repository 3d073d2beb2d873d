/** How an answer is sampled: what the request says, then what the model's makers recommend, then what is usual here. */
import type { Sampling } from '../engine/protocol.js';
import type { LoadedModel } from '../models/model.js';
import type { SamplingDefaults } from '../schemas/generation.js';
import { type neutralSampling, usualSampling } from '../text/generation-config.js';
import type { AskedSampling } from './neutral-request.js';

type Name = keyof typeof neutralSampling;

/** As replies and requests call them. */
const fieldNames = {
  temperature: 'temperature',
  topP: 'top_p',
  topK: 'top_k',
  minP: 'min_p',
  repetitionPenalty: 'repetition_penalty',
} as const satisfies Record<Name, string>;

export interface ResolvedSampling {
  readonly values: Omit<Sampling, 'logitBias'>;
  /** Those of the model that apply, by the names of a request's fields; empty when none does. */
  readonly defaults: NonNullable<SamplingDefaults>;
}

export function resolveSampling(
  asked: AskedSampling,
  { samplingDefaults = {} }: Pick<LoadedModel, 'samplingDefaults'>,
): ResolvedSampling {
  const defaults: Record<string, number> = {};
  const value = (name: Name): number => {
    const own = asked[name];
    if (own !== undefined) return own;
    const { [name]: recommended } = samplingDefaults;
    if (recommended === undefined) return usualSampling[name];
    defaults[fieldNames[name]] = recommended;
    return recommended;
  };
  const values = {
    ...asked,
    temperature: value('temperature'),
    topP: value('topP'),
    topK: value('topK'),
    minP: value('minP'),
    repetitionPenalty: value('repetitionPenalty'),
  };
  return { values, defaults };
}
