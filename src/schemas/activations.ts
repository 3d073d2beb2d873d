/** `POST /v1/activations`: the residual stream of texts and chats, as a safetensors file. */
import { z } from 'zod';
import { conceptLimits } from '../common/concept-limits.js';
import { ChatMessage } from './chat.js';
import { readPrompt } from './completions.js';
import { choice, list, strictly, whole } from './fields.js';

export const activationLimits = {
  /** Texts or chats of one request. */
  inputs: 1024,
  /** Of all of them. */
  tokens: 262_144,
  /** Of the file. */
  bytes: 512 * 1024 ** 2,
  offsets: 64,
  offset: 4096,
} as const;

const listed = <Items extends object>(items: Items) => ({ type: 'array', items }) as const;
const layersExpected = `must be "all" or a list of 1 to ${conceptLimits.layers} blocks`;
const positionsExpected = `must be "all", "last", "template" or a list of 1 to ${activationLimits.offsets} offsets from the end, such as [-1, -2]`;

const shape = {
  model: z.string().min(1).nullish().meta({ description: "The server's default one if left out." }),
  input: z
    .unknown()
    .transform(readPrompt)
    .optional()
    .meta({
      description: `A text, its token ids, or a list of up to ${activationLimits.inputs} of either. This or \`chats\`.`,
      anyOf: [
        { type: 'string' },
        listed({ type: 'string' }),
        listed({ type: 'integer' }),
        listed(listed({ type: 'integer' })),
      ],
    }),
  chats: list(list(ChatMessage, { min: 1, max: 16_384 }), { min: 1, max: activationLimits.inputs })
    .optional()
    .meta({
      description:
        "Conversations, each a list of messages, as the model's chat template writes them. This or `input`.",
    }),
  add_generation_prompt: z.boolean({ error: 'must be true or false' }).optional().meta({
    description:
      "With `chats`: whether to read up to where the next answer begins. By default where the last message is not the assistant's.",
  }),
  layers: choice(
    [
      z.literal('all', { error: layersExpected }),
      z
        .array(whole(0, conceptLimits.layers), { error: layersExpected })
        .min(1, { error: layersExpected })
        .max(conceptLimits.layers, { error: layersExpected }),
    ],
    (value) => (Array.isArray(value) ? 1 : 0),
  )
    .default('all')
    .meta({ description: 'Blocks whose output is read, from 0.' }),
  positions: choice(
    [
      z.enum(['all', 'last', 'template'], { error: positionsExpected }),
      z
        .array(whole(-activationLimits.offset, -1), { error: positionsExpected })
        .min(1, { error: positionsExpected })
        .max(activationLimits.offsets, { error: positionsExpected }),
    ],
    (value) => (Array.isArray(value) ? 1 : 0),
  )
    .default('last')
    .meta({
      description:
        "Tokens that are read. `template`: those that the chat template writes after the last message, with the message's last token, which are the candidates of recipe attention. A list counts from each text's end.",
    }),
  dtype: z
    .enum(['F32', 'F16'], { error: 'must be F32 or F16' })
    .default('F32')
    .meta({ description: 'Of the numbers. F16 rounds them, and holds none beyond 65504.' }),
};

export const ActivationsRequest = z
  .strictObject(shape, { error: strictly('the request', Object.keys(shape), 'must be an object') })
  .superRefine(({ input, chats, add_generation_prompt: ends, positions }, context) => {
    const refuse = (field: string, message: string, value: unknown) =>
      context.addIssue({ code: 'custom', path: [field], message, input: value });
    if ((input === undefined) === (chats === undefined))
      refuse('input', 'must be given, or chats, and not both', undefined);
    if (chats !== undefined) return;
    if (ends !== undefined) refuse('add_generation_prompt', 'must be left out without chats', ends);
    if (positions === 'template')
      refuse('positions', 'must be "all", "last" or offsets without chats', positions);
  })
  .meta({
    id: 'ActivationsRequest',
    example: { input: ['The sea is calm.', 'Waves roll in.'], layers: [8, 16], positions: 'last' },
  });
export type ActivationsRequest = z.output<typeof ActivationsRequest>;
