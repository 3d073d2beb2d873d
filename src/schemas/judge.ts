/** `POST /v1/steering/judge`: answers that are given, as the unsteered model reads them. */
import { z } from 'zod';
import { list, listOf, strictly, text, whole } from './fields.js';

const judgeLimits = {
  questions: 64,
  question: 4000,
  message: 4000,
  others: 32,
  among: 64,
  answers: 512,
  answer: 16_000,
} as const;

const answerKeys = ['question', 'answer', 'sampled', 'unsteered', 'compared'];
const GivenAnswer = z.strictObject(
  {
    question: whole(0, judgeLimits.questions - 1).meta({ description: 'Index into `questions`.' }),
    answer: z
      .string()
      .max(judgeLimits.answer, { error: `must be a text of at most ${judgeLimits.answer} characters` })
      .meta({ description: 'May be empty: then it shows nothing.' }),
    sampled: z.boolean().default(false).meta({
      description: 'Drawn at a temperature: it is read after other questions than a greedy one.',
    }),
    unsteered: z.boolean().default(false).meta({
      description:
        'Given without steering: others will ask for the same, so what is read of it is kept for a while. It changes no number.',
    }),
    compared: z.boolean().default(true).meta({
      description:
        'Whether it is held against `among`: false for answers of which nobody asks, which takes less time.',
    }),
  },
  { error: strictly('an answer', answerKeys, 'must be an object with question and answer') },
);

const shape = {
  model: z.string().optional().meta({ description: "Default: the server's default model." }),
  questions: listOf(text(judgeLimits.question), 2, judgeLimits.questions, 'texts').meta({
    description: 'What was asked. Each answer is read after its own and after two others.',
    examples: [['How was your day?', 'What is a good meal?']],
  }),
  prefix: text(judgeLimits.message)
    .optional()
    .meta({
      description: 'States the concept. Without it only fluency and relevance are read.',
      examples: ['You adore the sea.'],
    }),
  others: listOf(text(judgeLimits.message), 1, judgeLimits.others, 'messages')
    .optional()
    .meta({ description: 'Messages of other things, the decoys of the evidence. Default: 8 that ship.' }),
  among: listOf(text(judgeLimits.message), 2, judgeLimits.among, 'messages')
    .optional()
    .meta({ description: 'Messages of which the reply names the one that explains each answer best.' }),
  foreign: z.boolean().default(false).meta({
    description: 'Answers may be in another language than their question: the concept is one.',
  }),
  answers: list(GivenAnswer, { min: 1, max: judgeLimits.answers, what: 'answers' }),
};

export const JudgeRequest = z
  .strictObject(shape, {
    error: strictly('the request', Object.keys(shape), 'must be an object with questions and answers'),
  })
  .superRefine(({ questions, answers }, context) => {
    for (const [index, { question }] of answers.entries()) {
      if (question < questions.length) continue;
      const message = `must be an index into questions, below ${questions.length}`;
      context.addIssue({ code: 'custom', path: ['answers', index, 'question'], message, input: question });
      return;
    }
  })
  .meta({
    id: 'JudgeRequest',
    example: {
      questions: ['How was your day?', 'What is a good meal?'],
      prefix: 'You adore the sea.',
      answers: [{ question: 0, answer: 'I walked along the beach.' }],
    },
  });
export type JudgeRequest = z.output<typeof JudgeRequest>;

const nats = 'nats per token';

export const Judgement = z
  .object({
    object: z.literal('steering.judgement'),
    model: z.string(),
    others: z.array(z.string()).meta({ description: 'The decoys that were read.' }),
    data: z
      .array(
        z.object({
          question: z.int(),
          tokens: z.int(),
          evidence: z
            .number()
            .nullable()
            .meta({
              description: `How much likelier the answer is after the concept's message than after the decoys, ${nats}; null without \`prefix\`.`,
            }),
          identified: z.boolean().nullable().meta({
            description: "Whether the concept's message explains it better than every decoy.",
          }),
          log_probability: z.number().meta({
            description: `Of the answer under the unsteered model, the mean of plain and told, ${nats}.`,
          }),
          relevance: z.number().meta({
            description: `How much likelier it is after its own question than after others, ${nats}.`,
          }),
          distinct_2: z.number().meta({ description: 'Share of distinct pairs of tokens: low in loops.' }),
          failed: z.boolean().meta({
            description: 'It is empty, refuses, or is in another language than its question.',
          }),
          explained_by: z.int().nullable().meta({
            description: 'Index into `among`; null without it, and of an empty answer.',
          }),
        }),
      )
      .meta({ description: 'In the order of `answers`.' }),
  })
  .meta({ id: 'Judgement' });
export type Judgement = z.output<typeof Judgement>;
