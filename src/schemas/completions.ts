/** `POST /v1/completions`: OpenAI's shapes with steering. */
import { z } from 'zod';
import { asSent, digitsOr } from './as-sent.js';
import { FormatFields } from './constraints.js';
import {
  FinishReason,
  GenerationFields,
  mostTopLogprobs,
  PromptFields,
  ReplyFields,
  SamplingDefaults,
  SteeringReceipts,
  StopReason,
  TokenIdFields,
  Usage,
} from './generation.js';
import { TextLogprobs } from './logprobs.js';
import { ChoiceMonitor, ChunkMonitor, MonitorFields, MonitorReceipts } from './monitor.js';
import { SteeringFields } from './steering.js';

const tokenId = { type: 'integer', minimum: 0 } as const;
const listOf = <Items extends object>(items: Items) => ({ type: 'array', items }) as const;

type Prompt = string | string[] | number[] | number[][];

/** The first item says which kind of list it is; the first that is of another kind is told. */
export function readPrompt(value: unknown, context: z.core.$RefinementCtx): Prompt {
  const refuse = (message: string, path: PropertyKey[], input: unknown) => {
    context.issues.push({ code: 'custom', message, path, input });
    return z.NEVER;
  };
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return refuse('must be a string or a list', [], value);
  const ids = (tokens: readonly unknown[], path: PropertyKey[]): boolean => {
    const bad = tokens.findIndex((token) => !Number.isSafeInteger(token));
    if (bad >= 0) refuse('must be an integer', [...path, bad], tokens[bad]);
    return bad < 0;
  };
  if (typeof value[0] === 'number') return ids(value, []) ? value : z.NEVER;
  const kind = typeof value[0] === 'string' ? 'a string' : 'a list';
  for (const [i, entry] of value.entries()) {
    const right = kind === 'a string' ? typeof entry === 'string' : Array.isArray(entry);
    if (!right) return refuse(`must be ${i === 0 ? 'a string, an integer or a list' : kind}`, [i], entry);
    if (Array.isArray(entry) && !ids(entry, [i])) return z.NEVER;
  }
  return value;
}

/** Loose: see ChatRequest. */
export const completionFields = z.looseObject({
  prompt: z
    .unknown()
    .transform(readPrompt)
    .meta({
      description: 'A text, its token ids, or a list of either.',
      anyOf: [{ type: 'string' }, listOf({ type: 'string' }), listOf(tokenId), listOf(listOf(tokenId))],
    }),
  ...GenerationFields,
  max_tokens: z
    .int()
    .min(0)
    .nullish()
    .meta({ ...digitsOr(0), default: 16, description: 'Most tokens of the answer; 0 only with `echo`.' }),
  logprobs: z.int().min(0).max(mostTopLogprobs).nullish().meta({
    description: 'Log-probabilities of the tokens, and of that many likeliest ones at each position.',
  }),
  echo: z.boolean().nullish().meta({
    default: false,
    description:
      'Put the prompt before the answer; with `logprobs` its log-probabilities too, and at the end those of the stop token that ended the answer: evaluators count on an entry for the token that was made.',
  }),
  ...FormatFields,
  ...SteeringFields,
  ...MonitorFields,
  add_special_tokens: z.boolean().nullish().meta({
    default: true,
    description: 'Whether a text gets the tokens that the tokenizer puts around it.',
  }),
});

export const CompletionRequest = z.preprocess(asSent(), completionFields).meta({
  id: 'CompletionRequest',
  example: { prompt: 'Far away from the city,', concept: 'ocean', strength: 1, max_tokens: 40, seed: 7 },
});
export type CompletionRequest = z.output<typeof CompletionRequest>;

const fields = {
  ...ReplyFields,
  object: z.literal('text_completion'),
  steering: SteeringReceipts,
  monitor: MonitorReceipts,
  sampling_defaults: SamplingDefaults,
};
const choice = {
  text: z.string(),
  index: z.int(),
  logprobs: TextLogprobs.nullable(),
  stop_reason: StopReason,
  steering: SteeringReceipts,
  ...TokenIdFields,
  ...PromptFields,
};

export const Completion = z
  .object({
    ...fields,
    choices: z.array(z.object({ ...choice, finish_reason: FinishReason, monitor: ChoiceMonitor.optional() })),
    usage: Usage,
  })
  .meta({
    id: 'Completion',
    examples: [
      {
        id: 'cmpl-5kq1TzmB0xYfJc9V',
        object: 'text_completion',
        created: 1767225600,
        model: 'smollm2-135m-instruct',
        system_fingerprint: 'fp_9c1f6ed0b1',
        choices: [
          { text: ' the waves roll in upon the sand', index: 0, logprobs: null, finish_reason: 'length' },
        ],
        usage: { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 },
      },
    ],
  });
export type Completion = z.output<typeof Completion>;

/** One `data:` of a stream. Never checked here: text-reply.ts writes it, the tests hold it to this schema. */
export const CompletionChunk = z
  .object({
    ...fields,
    choices: z.array(
      z.object({ ...choice, finish_reason: FinishReason.nullable(), monitor: ChunkMonitor.optional() }),
    ),
    usage: Usage.nullable().optional(),
  })
  .meta({ id: 'CompletionChunk' });
export type CompletionChunk = z.output<typeof CompletionChunk>;
