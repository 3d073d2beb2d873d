/** Text or messages to token ids, and back. */
import { z } from 'zod';
import { ChatMessage } from './chat.js';
import { list } from './fields.js';

const model = z.string().min(1).nullish().meta({ description: 'The default model if left out.' });

export const TokenizeRequest = z
  .looseObject({
    model,
    prompt: z.string().optional().meta({ description: 'A text; or `messages`.' }),
    messages: list(ChatMessage, { min: 1, max: 16_384 }).optional(),
    add_special_tokens: z.boolean().nullish().meta({
      description:
        'What the tokenizer puts around a text. Default: true for a prompt, false for messages, whose template has its own.',
    }),
    add_generation_prompt: z.boolean().nullish().meta({ default: true, description: 'For `messages`.' }),
    return_token_strs: z.boolean().nullish().meta({ default: false }),
    return_offsets: z
      .boolean()
      .nullish()
      .meta({ default: false, description: 'Where in the text each token stands, in Unicode characters.' }),
  })
  .meta({
    id: 'TokenizeRequest',
    example: { prompt: 'Far away from the city,', return_offsets: true },
  });
export type TokenizeRequest = z.output<typeof TokenizeRequest>;

export const Tokenized = z
  .object({
    count: z.int(),
    max_model_len: z.int(),
    tokens: z.array(z.int()),
    token_strs: z.array(z.string()).nullable().optional(),
    offsets: z.array(z.tuple([z.int(), z.int()])).optional(),
  })
  .meta({
    id: 'Tokenized',
    examples: [{ count: 2, max_model_len: 4096, tokens: [19556, 905], token_strs: ['Hello', ' world'] }],
  });
export type Tokenized = z.output<typeof Tokenized>;

const mostTokens = 131_072;

/** One look at each: a schema per item would take a second for as many. */
const isTokenList = (value: unknown): boolean =>
  Array.isArray(value) && value.length <= mostTokens && value.every(Number.isSafeInteger);

export const DetokenizeRequest = z
  .looseObject({
    model,
    tokens: z
      .custom<number[]>(isTokenList, { error: `must be a list of at most ${mostTokens} token ids` })
      .meta({ type: 'array', items: { type: 'integer' }, maxItems: mostTokens }),
    skip_special_tokens: z.boolean().nullish().meta({ default: false }),
  })
  .meta({ id: 'DetokenizeRequest', examples: [{ tokens: [19556, 905] }] });
export type DetokenizeRequest = z.output<typeof DetokenizeRequest>;

export const Detokenized = z
  .object({ prompt: z.string() })
  .meta({ id: 'Detokenized', examples: [{ prompt: 'Hello world' }] });
