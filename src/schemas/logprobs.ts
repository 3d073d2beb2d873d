/** Log-probabilities as OpenAI's chat and text completions show them: the model's own, before any sampling setting. */
import { z } from 'zod';

const token = {
  token: z.string().meta({ description: 'U+FFFD stands for bytes that are no character alone.' }),
  logprob: z.number().meta({ description: 'In nats; -9999 stands for minus infinity.' }),
  bytes: z.array(z.int()).nullable().meta({ description: 'Its UTF-8 bytes.' }),
};

export const ChatLogprobs = z
  .object({
    content: z.array(z.object({ ...token, top_logprobs: z.array(z.object(token)) })),
    refusal: z.null(),
  })
  .meta({
    id: 'ChatLogprobs',
    description:
      'Of the tokens since the last chunk, in a stream: those included whose text is held back, or cut by a stop string.',
  });
export type ChatLogprobs = z.output<typeof ChatLogprobs>;

export const TextLogprobs = z
  .object({
    tokens: z.array(z.string()).meta({ description: '"bytes:\\xe2" where they are no character alone.' }),
    token_logprobs: z.array(z.number().nullable()).meta({ description: "Null for a prompt's first token." }),
    top_logprobs: z
      .array(z.record(z.string(), z.number()).nullable())
      .nullable()
      .meta({ description: 'The likeliest tokens and the one that came; null with `logprobs` 0.' }),
    text_offset: z
      .array(z.int())
      .meta({ description: "Where each token begins in the choice's text, in Unicode characters." }),
  })
  .meta({ id: 'TextLogprobs' });
export type TextLogprobs = z.output<typeof TextLogprobs>;
