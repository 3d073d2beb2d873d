/**
 * What chat and text completions share: the fields that say how to sample and when to end, and the parts of
 * a reply. `null` means "not given", as OpenAI's clients send it. Fields unknown here are ignored.
 */
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { digitsOr } from './as-sent.js';
import { list } from './fields.js';
import { SteeringReceipt } from './steering-receipt.js';

export const mostStopStrings = 16;
const maxStopLength = 1024;
const maxLogitBiases = 1024;
const maxStopTokens = 256;
const maxAllowedTokens = 4096;
const maxBadWords = 256;

/** Likeliest tokens that a request can ask for at each position (OpenAI API reference). */
export const mostTopLogprobs = 20;

const stopString = z.string().min(1).max(maxStopLength);

/** The model's vocabulary is known where the request is planned, and the refusal names its size. */
export const tokenId = z.int().meta({ minimum: 0 });

/** Beside `truncate_prompt_tokens`. */
export const TruncationSide = z.enum(['left', 'right']).nullish().meta({
  default: 'left',
  description: "vLLM's: the end of each prompt at which tokens are taken off; with `truncate_prompt_tokens`.",
});

export const GenerationFields = {
  model: z
    .string()
    .min(1)
    .nullish()
    .meta({ description: "Id of a model; the server's default one if left out." }),
  max_tokens: z
    .int()
    .min(1)
    .nullish()
    .meta({
      ...digitsOr(1),
      description:
        'Most tokens of the answer. By default 512 (STEERD_ANSWER_TOKENS) of a chat, 16 of a text.',
    }),
  temperature: z.number().min(0).max(2).nullish().meta({
    default: 0.7,
    description:
      "0 is greedy. The default is the model's own (generation_config.json), 0.7 where it has none.",
  }),
  top_p: z.number().gt(0).max(1).nullish().meta({ default: 1 }),
  top_k: z
    .int()
    .min(-1)
    .nullish()
    .meta({ default: -1, description: 'The k likeliest tokens; -1 or 0 is off.' }),
  min_p: z
    .number()
    .min(0)
    .max(1)
    .nullish()
    .meta({ default: 0, description: "Least probability as a share of the likeliest token's." }),
  repetition_penalty: z.number().gt(0).max(100).nullish().meta({ default: 1 }),
  presence_penalty: z.number().min(-2).max(2).nullish().meta({ default: 0 }),
  frequency_penalty: z.number().min(-2).max(2).nullish().meta({ default: 0 }),
  logit_bias: z
    .custom<unknown>(
      (biases) => typeof biases !== 'object' || Object.keys(biases ?? {}).length <= maxLogitBiases,
      { error: `must be an object of at most ${maxLogitBiases} token ids`, abort: true },
    )
    .pipe(z.record(z.string(), z.number().min(-100).max(100)))
    .nullish()
    .meta({ description: 'Token id to what is added to its logit, -100 to 100.' }),
  seed: z
    .number()
    .refine((seed) => Number.isInteger(seed) && Math.abs(seed) <= 2 ** 63, {
      error: 'must be an integer of at most 64 bits',
    })
    .meta({ type: 'integer' })
    .nullish()
    .meta({ description: 'Same seed, same answer; choice i uses seed + i.' }),
  stop: z
    .union([stopString, list(stopString, { max: mostStopStrings })])
    .nullish()
    .meta({ description: 'Strings that end the answer and are no part of it.' }),
  include_stop_str_in_output: z
    .boolean()
    .nullish()
    .meta({ default: false, description: 'Keep the stop string at the end of the answer.' }),
  stop_token_ids: list(tokenId, { max: maxStopTokens })
    .nullish()
    .meta({ description: 'Token ids that end the answer, beside the end tokens of the model.' }),
  min_tokens: z
    .int()
    .min(0)
    .nullish()
    .meta({ default: 0, description: 'No stop token before that many; no more than the answer may have.' }),
  ignore_eos: z.boolean().nullish().meta({ default: false, description: 'Go on past the end tokens.' }),
  n: z
    .int()
    .min(1)
    .nullish()
    .meta({ default: 1, description: "Answers to a prompt; at most the server's slots." }),
  stream: z.boolean().nullish().meta({ default: false, description: 'Answer as server-sent events.' }),
  stream_options: z
    .looseObject({
      include_usage: z.boolean().nullish(),
      continuous_usage_stats: z
        .boolean()
        .nullish()
        .meta({ description: "vLLM's: the usage so far in every chunk; with `include_usage`." }),
    })
    .nullish()
    .meta({ description: 'Only with `stream`.' }),
  allowed_token_ids: list(tokenId, { min: 1, max: maxAllowedTokens })
    .nullish()
    .meta({ description: 'No other token may come, stop tokens neither.' }),
  bad_words: list(z.string().min(1).max(200), { max: maxBadWords })
    .nullish()
    .meta({ description: 'Texts that may not come, as the tokens they are alone or after a space.' }),
  skip_special_tokens: z
    .boolean()
    .nullish()
    .meta({ default: true, description: 'False: special tokens of the answer are part of its text.' }),
  return_token_ids: z.boolean().nullish().meta({
    default: false,
    description: 'The ids of the prompt and of the answer, as `prompt_token_ids` and `token_ids`.',
  }),
  prompt_logprobs: z.int().min(0).max(mostTopLogprobs).nullish().meta({
    description:
      "Log-probabilities of the prompt's tokens, and of that many likeliest ones; not with `stream`.",
  }),
  max_tokens_overflow: z.enum(['cut', 'error']).nullish().meta({
    default: 'cut',
    description:
      'More tokens than the context has room for: the answer is as long as fits and ends with "length", or the request is refused.',
  }),
  truncate_prompt_tokens: z.int().min(-1).nullish().meta({
    description:
      'Keeps that many tokens of each prompt, its last ones; -1 as many as the context holds with an answer of one token.',
  }),
  truncation_side: TruncationSide,
  return_tokens_as_token_ids: z.boolean().nullish().meta({
    default: false,
    description: 'Tokens of log-probabilities as "token_id:ID", which tells apart those with the same text.',
  }),
  user: z.string().nullish().meta({ description: 'Ignored.' }),
  metadata: z.unknown().optional().meta({ description: 'Ignored.' }),
  store: z.unknown().optional().meta({ description: 'Ignored: nothing is stored.' }),
};

/** The fields of `GenerationFields` that decide how tokens are made. */
export type GenerationOptions = z.output<z.ZodObject<typeof GenerationFields>>;

export const FinishReason = z.enum(['stop', 'length']);
export const ChatFinishReason = z.enum(['stop', 'length', 'tool_calls', 'function_call']);

export const Usage = z
  .object({
    prompt_tokens: z.int(),
    prompt_tokens_details: z.object({
      cached_tokens: z.int().meta({
        description:
          "Tokens of `prompt_tokens` that were not computed for this request: it begins like one that this key's requests sent before, under the same steering. Answers do not depend on it.",
      }),
    }),
    completion_tokens: z.int(),
    total_tokens: z.int(),
  })
  .meta({ id: 'Usage' });
export type Usage = z.output<typeof Usage>;

/** vLLM's, of a finished choice. */
export const StopReason = z
  .string()
  .optional()
  .meta({ description: 'The stop string that ended it; left out when none did.' });

/** What every completion object and chunk begins with, after `object`. */
export const ReplyFields = {
  id: z.string(),
  created: z.int().meta({ description: 'Unix seconds.' }),
  model: z.string(),
  system_fingerprint: z.string().meta({ description: 'Changes when the weights do.' }),
};

export const SteeringReceipts = z
  .array(SteeringReceipt)
  .optional()
  .meta({ description: 'What steered this reply; left out when nothing did.' });

/** Of the model's generation_config.json, applied where the request says nothing. */
export const SamplingDefaults = z
  .object({
    temperature: z.number(),
    top_p: z.number(),
    top_k: z.int(),
    min_p: z.number(),
    repetition_penalty: z.number(),
  })
  .partial()
  .optional()
  .meta({
    description:
      "Sampling values of the model's generation_config.json that this answer was made with, because the request left them out.",
  });
export type SamplingDefaults = z.output<typeof SamplingDefaults>;

/** vLLM's: of each prompt token, by id, itself and the likeliest ones there. */
export const PromptLogprobs = z.array(
  z
    .record(
      z.string(),
      z.object({
        logprob: z.number(),
        rank: z.int().meta({ description: '1 for the likeliest.' }),
        decoded_token: z.string(),
      }),
    )
    .nullable(),
);
export type PromptLogprobs = z.output<typeof PromptLogprobs>;

const ids = z.array(z.int()).optional();

/** With `return_token_ids` and `prompt_logprobs`, where vLLM has them. */
export const PromptFields = {
  prompt_token_ids: ids,
  prompt_logprobs: PromptLogprobs.optional(),
};
export const TokenIdFields = { token_ids: ids };

/** The body of a streamed reply, described as the object that each event holds. Not checked: it is text. */
export const eventsOf = (chunk: z.ZodType) =>
  z.custom<Readable>().meta({ $ref: `#/components/schemas/${chunk.meta()?.id}` });
