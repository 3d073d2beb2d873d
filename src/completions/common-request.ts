/** What the bodies of chat, text completions and responses have in common, parsed. */
import { randomInt } from 'node:crypto';
import { errors } from '../errors.js';
import type { GenerationOptions } from '../schemas/generation.js';
import type { MonitorItem } from '../schemas/monitor.js';
import type { AskedAnswer, AskedReply } from './neutral-request.js';

/** Fields that the Responses API does not have. */
type CompletionsOnly = 'n' | 'max_tokens' | 'stream_options' | 'prompt_logprobs' | 'return_token_ids';

type CommonBody = Omit<GenerationOptions, CompletionsOnly> & {
  readonly monitor?: readonly MonitorItem[] | null | undefined;
};

/** The answer as all three can ask for it; what else there is to say of it is each endpoint's own. */
export function commonAnswer(body: CommonBody) {
  const { stop } = body;
  return {
    minTokens: body.min_tokens ?? 0,
    sampling: {
      temperature: body.temperature ?? 1,
      topP: body.top_p ?? 1,
      topK: Math.max(0, body.top_k ?? 0),
      minP: body.min_p ?? 0,
      repetitionPenalty: body.repetition_penalty ?? 1,
      presencePenalty: body.presence_penalty ?? 0,
      frequencyPenalty: body.frequency_penalty ?? 0,
      seed: typeof body.seed === 'number' ? foldSeed(body.seed) : randomInt(2 ** 32),
    },
    logitBias: body.logit_bias ?? {},
    allowedTokens: body.allowed_token_ids ?? null,
    badWords: body.bad_words ?? [],
    stop: {
      strings: typeof stop === 'string' ? [stop] : (stop ?? []),
      keepString: body.include_stop_str_in_output ?? false,
      tokens: body.stop_token_ids ?? [],
      atEndTokens: !body.ignore_eos,
    },
    monitor: body.monitor ?? [],
  } satisfies Partial<AskedAnswer>;
}

/** Any 64-bit seed as an unsigned 32-bit one; those that fit already stay as they are. */
function foldSeed(seed: number): number {
  const bits = BigInt.asUintN(64, BigInt(seed));
  return Number(BigInt.asUintN(32, bits ^ (bits >> 32n)));
}

/**
 * Null for a reply that is no stream.
 * @throws SteerdError invalid_value for options of a stream without one
 */
export function askedStream({ stream, stream_options }: GenerationOptions): AskedReply['stream'] {
  if (stream) return { usage: stream_options?.include_usage ?? false };
  if (stream_options === null || stream_options === undefined) return null;
  throw errors.invalidRequest('stream_options must be left out unless stream is true.', 'stream_options');
}

/** @throws SteerdError invalid_value with `stream`, whose chunks have no place for them */
export function askedPromptLogprobs({ prompt_logprobs, stream }: GenerationOptions): number | null {
  if (typeof prompt_logprobs !== 'number') return null;
  if (stream) throw errors.invalidRequest('prompt_logprobs must be left out with stream.', 'prompt_logprobs');
  return prompt_logprobs;
}
