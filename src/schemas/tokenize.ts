/** Text or messages to token ids, and back. */
import { z } from 'zod';
import { ChatMessage } from './chat.js';
import { list } from './fields.js';
import { ToolFields } from './tools.js';

const model = z.string().min(1).nullish().meta({ description: 'The default model if left out.' });

export const TokenizeRequest = z
  .looseObject({
    model,
    prompt: z.string().nullish().meta({ description: 'A text; or `messages`.' }),
    content: z.string().nullish().meta({
      description: "llama.cpp's name of `prompt`, without the tokens around it unless `add_special` is true.",
    }),
    messages: list(ChatMessage, { min: 1, max: 16_384 }).nullish(),
    tools: ToolFields.tools,
    chat_template_kwargs: z
      .record(z.string().max(64), z.unknown())
      .nullish()
      .meta({ description: 'As in a chat completion.' }),
    continue_final_message: z.boolean().nullish().meta({
      default: false,
      description: 'For `messages`: the prompt ends within the last one, as in a chat completion.',
    }),
    parse_special: z.boolean().nullish().meta({
      description:
        'Whether special tokens that the text spells are those tokens. Default: true for a prompt, false for messages.',
    }),
    add_special: z.boolean().nullish().meta({ description: "llama.cpp's name of `add_special_tokens`." }),
    with_pieces: z
      .boolean()
      .nullish()
      .meta({ default: false, description: "llama.cpp's: each token as its id and its text." }),
    add_special_tokens: z.boolean().nullish().meta({
      description:
        'What the tokenizer puts around a text. Default: true for a prompt, false for messages, whose template has its own.',
    }),
    add_generation_prompt: z.boolean().nullish().meta({ default: true, description: 'For `messages`.' }),
    return_token_strs: z
      .boolean()
      .nullish()
      .meta({ default: false, description: 'Tokens as the vocabulary spells them, such as `Ġworld`.' }),
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
    tokens: z.union([z.array(z.int()), z.array(z.object({ id: z.int(), piece: z.string() }))]),
    token_strs: z.array(z.string()).nullable().optional(),
    offsets: z.array(z.tuple([z.int(), z.int()])).optional(),
  })
  .meta({
    id: 'Tokenized',
    examples: [{ count: 2, max_model_len: 4096, tokens: [19556, 905], token_strs: ['Hello', 'Ġworld'] }],
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
  .object({ prompt: z.string(), content: z.string().meta({ description: "llama.cpp's name of `prompt`." }) })
  .meta({ id: 'Detokenized', examples: [{ prompt: 'Hello world', content: 'Hello world' }] });

export const TokenizerInfo = z
  .looseObject({
    tokenizer_class: z.string(),
    vocab_size: z.int(),
    model_max_length: z.int().meta({ description: 'Tokens of the context here.' }),
    chat_template: z.string().nullable(),
  })
  .meta({
    id: 'TokenizerInfo',
    description: "The model's tokenizer_config.json, with what is so of the model as it is served.",
  });
export type TokenizerInfo = z.output<typeof TokenizerInfo>;
