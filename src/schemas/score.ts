/** `POST /v1/steering/score`: how far a given text points along concepts, token by token. */
import { z } from 'zod';
import { ChatMessage } from './chat.js';
import { list, strictly } from './fields.js';
import { MonitorList, MonitorReading, MonitorReceipt } from './monitor.js';

const shape = {
  model: z
    .string()
    .min(1)
    .nullish()
    .meta({ description: "Id of a model; the server's default one if left out." }),
  input: z
    .union([z.string(), list(z.int(), { max: 131_072 })])
    .nullish()
    .meta({ description: 'A text, or its token ids. This or `messages`.' }),
  messages: list(ChatMessage, { min: 1, max: 16_384 })
    .nullish()
    .meta({ description: "A conversation, read as the model's chat template writes it. This or `input`." }),
  add_generation_prompt: z.boolean().nullish().meta({
    description:
      "With `messages`: whether to read up to where the next answer begins. By default when the last message is not the assistant's.",
  }),
  concepts: MonitorList.min(1, { error: 'must list at least one concept' }).meta({
    description: 'Names, or objects with `layers`, `scale` and `detail`, as in `monitor` of a completion.',
  }),
};

export const ScoreRequest = z
  .strictObject(shape, { error: strictly('the request', Object.keys(shape), 'must be an object') })
  .meta({
    id: 'ScoreRequest',
    example: { input: 'The tide came in over the sand.', concepts: ['ocean', 'sad'] },
  });
export type ScoreRequest = z.output<typeof ScoreRequest>;

export const Score = z
  .object({
    object: z.literal('steering.score'),
    model: z.string(),
    text: z
      .string()
      .meta({ description: 'As the model reads it: with what the template or tokenizer adds.' }),
    tokens: z.array(
      z.object({
        id: z.int(),
        text: z.string(),
        from: z.int().meta({ description: 'Where it begins in `text`, in Unicode characters.' }),
        to: z.int().meta({ description: 'Exclusive.' }),
      }),
    ),
    concepts: z.array(
      MonitorReceipt.extend(MonitorReading.shape).extend({
        mean: z.number().nullable().meta({
          description:
            'Mean of the values without the first: models park attention on the first token, whose activations are many times as large. Null for a single token.',
        }),
        values: z.array(z.number()).meta({
          description:
            'One per token: 0 for what neutral answers read, 1 for what told ones do (scale "calibrated"), or the mean over the layers of <h, v> / (mean residual norm of the layer) ("norm"), or of <h, v> ("raw"), with h the block\'s output at this token.',
        }),
      }),
    ),
    usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
  })
  .meta({
    id: 'Score',
    examples: [
      {
        object: 'steering.score',
        model: 'smollm2-135m-instruct',
        text: 'The tide',
        tokens: [
          { id: 504, text: 'The', from: 0, to: 3 },
          { id: 23976, text: ' tide', from: 3, to: 8 },
        ],
        concepts: [
          {
            concept: 'ocean',
            version: 'fe8c77488e6a1a7ab9fdf2eafb4626c148934224d8bdf43159e4f6e360163846',
            scale: 'norm',
            layers: [1, 2, 3],
            values: [1.21, 0.17],
            mean: 0.17,
          },
        ],
        usage: { prompt_tokens: 2, total_tokens: 2 },
      },
    ],
  });
export type Score = z.output<typeof Score>;
