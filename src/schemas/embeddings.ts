/** `POST /v1/embeddings`: OpenAI's shapes; which layer and which tokens are read is our addition. */
import { z } from 'zod';
import { readPrompt } from './completions.js';
import { TruncationSide } from './generation.js';

const integer = { type: 'integer', minimum: 0 } as const;
const listOf = <Items extends object>(items: Items) => ({ type: 'array', items }) as const;

/** Texts of one request (OpenAI API reference). */
export const mostTexts = 2048;

/** Loose: see chatFields. */
export const EmbeddingRequest = z
  .looseObject({
    model: z.string().min(1).nullish().meta({ description: "The server's default one if left out." }),
    input: z
      .unknown()
      .transform(readPrompt)
      .meta({
        description: 'A text, its token ids, or a list of either.',
        anyOf: [{ type: 'string' }, listOf({ type: 'string' }), listOf(integer), listOf(listOf(integer))],
      }),
    encoding_format: z.enum(['float', 'base64']).nullish().meta({
      default: 'float',
      description: "base64: little-endian float32, which is what OpenAI's clients ask for by themselves.",
    }),
    dimensions: z.int().min(1).nullish().meta({
      description:
        "Keeps the first numbers only. Only the model's hidden size: this model was not trained to be cut.",
    }),
    layer: z.int().nullish().meta({
      default: -1,
      description: 'Block whose output is read, from 0; negative ones count from the last.',
    }),
    pooling: z.enum(['mean', 'last']).nullish().meta({
      default: 'mean',
      description:
        "The mean over a text's tokens, but for the first of several, which is an attention sink; or its last token.",
    }),
    normalize: z.boolean().nullish().meta({ default: true, description: 'To length 1.' }),
    truncate_prompt_tokens: z.int().min(-1).nullish().meta({
      description: 'Keeps that many tokens of each text, its last ones; -1 as many as the context holds.',
    }),
    truncation_side: TruncationSide,
    user: z.string().nullish().meta({ description: 'Ignored.' }),
  })
  .meta({ id: 'EmbeddingRequest', example: { input: ['The sea is calm.', 'Waves roll in.'] } });
export type EmbeddingRequest = z.output<typeof EmbeddingRequest>;

export const Embeddings = z
  .object({
    object: z.literal('list'),
    data: z.array(
      z.object({
        object: z.literal('embedding'),
        index: z.int(),
        embedding: z
          .union([z.array(z.number()), z.string()])
          .meta({ description: 'One number for each of the hidden size, or their bytes in base64.' }),
      }),
    ),
    model: z.string(),
    usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
  })
  .meta({ id: 'Embeddings' });
export type Embeddings = z.output<typeof Embeddings>;
