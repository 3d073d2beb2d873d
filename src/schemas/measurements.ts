/** What measures steering over HTTP: calibrating a concept, and sweeping concepts, strengths and prompts. */
import { z } from 'zod';
import { between, listOf, strictly, text, whole } from './fields.js';
import {
  SteeringItem,
  SteeringLayers,
  SteeringOperation,
  SteeringPositions,
  SteeringScale,
} from './steering.js';
import { SteeringReceipt } from './steering-receipt.js';

const measurementLimits = {
  questions: 64,
  question: 2000,
  prefix: 4000,
  concept: 200,
  shares: 16,
  others: 32,
  /** |edit| / |residual|: an edit as long as the stream itself leaves nothing of it. */
  share: 1,
  maxTokens: 512,
  /** Of a calibration: tokens of its answers times the messages and questions that each is read after. */
  readTokens: 2_000_000,
  prompts: 64,
  messages: 64,
  promptText: 16_000,
  concepts: 16,
  strengths: 32,
  /** Prompts times concepts times strengths. */
  answers: 512,
} as const;

/**
 * What a calibration takes where its request does not say. Fewer others would leave identification to chance, more cost
 * time: every answer is read after each.
 */
export const usualCalibration = { questions: 16, others: 8, maxTokens: 24 } as const;
/** Questions of a glance: by half as many it was off by half as much again. */
export const glancedQuestions = 8;
/** Shares that a search measures at the most. */
const searchedShares = 5;
/** To each question at each share: a greedy one and one at a temperature. */
const answersEach = 2;
/** An answer is read after its question plainly and with the concept told, and after two other questions. */
const ownReads = 4;

const shareExpected = `must be a number above 0 and at most ${measurementLimits.share}`;
const Bound = z.strictObject(
  {
    fluency: between(0, 1).default(0.5).meta({ description: 'Least fluency of the largest strength.' }),
    divergence: between(0, 100).optional().meta({
      description:
        "Most nats that the next token's distribution may move (KL divergence from unsteered, 95th percentile). Default: no bound.",
    }),
  },
  { error: strictly('bound', ['fluency', 'divergence'], 'must be an object of two numbers') },
);

const calibrateFields = {
  model: z.string().optional().meta({ description: "Default: the server's default model." }),
  prefix: text(measurementLimits.prefix)
    .optional()
    .meta({ description: 'States the concept, for the evidence. Default: what the fit used.' }),
  others: listOf(text(measurementLimits.prefix), 1, measurementLimits.others, 'messages')
    .optional()
    .meta({
      description: `Messages of other things, which must not explain the answers as well. Default: ${usualCalibration.others} that ship.`,
    }),
  questions: listOf(text(measurementLimits.question), 2, measurementLimits.questions, 'texts')
    .optional()
    .meta({
      description: `Asked at every share. Default: ${usualCalibration.questions} questions that no fit has seen, of a glance ${glancedQuestions}.`,
    }),
  shares: listOf(
    z
      .number({ error: shareExpected })
      .gt(0, { error: shareExpected })
      .max(measurementLimits.share, { error: shareExpected }),
    1,
    measurementLimits.shares,
    'numbers',
  )
    .refine((shares) => new Set(shares).size === shares.length, { error: 'must have no number twice' })
    .optional()
    .meta({
      description: 'Measured instead of a search: mean over the steered layers of |edit| / |residual|.',
    }),
  bound: Bound.optional().meta({
    description: 'What the largest strength must keep.',
  }),
  strength_only: z.boolean().optional().meta({
    default: false,
    description:
      'Only what strength 1 is: `suppression`, `side_effects`, `readings` and, without a bound on it, `divergence_95` stay null, strength -1 is as strong as 1, and ablate, clamp, amplify and monitors in calibrated units are refused. For those who measure many concepts: it takes half the time.',
  }),
  glance: z.boolean().optional().meta({
    default: false,
    description:
      'Only where strength 1 lies, by two reads of each greedy answer: within a quarter of what a whole calibration finds for ten and nine (two sets of questions) of the twelve concepts that ship, by a twentieth of its reads. `calibration.method` is `glance`, there are no scores, and what `strength_only` leaves out is left out too; `others`, `shares` and `bound` have no part in it and are refused beside it.',
  }),
  max_tokens: whole(8, measurementLimits.maxTokens)
    .optional()
    .meta({
      default: usualCalibration.maxTokens,
      description: `Of each answer. Answers (${answersEach} to each question at each share; ${searchedShares} shares without \`shares\`) times \`max_tokens\` times \`others\` and ${ownReads} more are at most ${measurementLimits.readTokens}. A glance has less to read, whatever it is asked.`,
    }),
};

const readsExpected = `questions, shares, others and max_tokens must make at most ${measurementLimits.readTokens} tokens to read`;

type CalibrateFields = z.output<z.ZodObject<typeof calibrateFields>>;

/** What a glance does not look at: given with it, it would be passed over in silence. */
const besideGlance = ['others', 'shares', 'bound'] as const;

function checkAsked(asked: CalibrateFields, context: z.core.$RefinementCtx<CalibrateFields>): void {
  const ignored = asked.glance === true ? besideGlance.filter((field) => asked[field] !== undefined) : [];
  for (const field of ignored)
    context.addIssue({
      code: 'custom',
      path: [field],
      message: 'must be left out with glance, which does not look at it',
      input: asked[field],
    });
  // A glance reads two times what may be written at six shares, plainly and told: never as much.
  const reads = asked.glance === true ? 0 : readsOf(asked);
  if (reads > measurementLimits.readTokens) {
    const message = `${readsExpected}; received ${reads}.`;
    context.addIssue({ code: 'custom', path: ['max_tokens'], message, input: asked.max_tokens });
  }
}

function readsOf(asked: CalibrateFields): number {
  const { maxTokens, ...usual } = usualCalibration;
  const { length: questions } = asked.questions ?? { length: usual.questions };
  const { length: others } = asked.others ?? { length: usual.others };
  const { length: shares } = asked.shares ?? { length: searchedShares };
  return answersEach * questions * shares * (others + ownReads) * (asked.max_tokens ?? maxTokens);
}

export const CalibrateRequest = z
  .strictObject(calibrateFields, {
    error: strictly('the calibration', Object.keys(calibrateFields), 'must be an object, which may be empty'),
  })
  .superRefine(checkAsked)
  .meta({ id: 'CalibrateRequest', examples: [{}] });
export type CalibrateRequest = z.output<typeof CalibrateRequest>;

const calibrationJobFields = {
  concept: text(measurementLimits.concept, "must be a concept's name").meta({ examples: ['ocean'] }),
  ...calibrateFields,
};

/** The same as a job, with the concept that it is of. */
export const CalibrationJobRequest = z
  .strictObject(calibrationJobFields, {
    error: strictly('the calibration', Object.keys(calibrationJobFields), 'must be an object with a concept'),
  })
  .superRefine((asked, context) => checkAsked(asked, context as z.core.$RefinementCtx<CalibrateFields>))
  .meta({ id: 'CalibrationJobRequest', examples: [{ concept: 'ocean' }] });
export type CalibrationJobRequest = z.output<typeof CalibrationJobRequest>;

const Message = z.strictObject(
  {
    role: z.enum(['system', 'user', 'assistant']),
    content: text(measurementLimits.promptText),
  },
  { error: strictly('a message', ['role', 'content'], 'must be an object with role and content') },
);
const promptExpected = `must be a text of 1 to ${measurementLimits.promptText} characters or a list of 1 to ${measurementLimits.messages} messages`;

const sweepFields = {
  model: z.string().optional().meta({ description: "Default: the server's default model." }),
  prompts: listOf(
    z.union([text(measurementLimits.promptText), z.array(Message).min(1).max(measurementLimits.messages)], {
      error: promptExpected,
    }),
    1,
    measurementLimits.prompts,
    'prompts',
  ).meta({ description: 'Each a user message, or a chat.', examples: [['What is on your mind today?']] }),
  concepts: listOf(
    z.string({ error: "must be a concept's name" }).min(1).max(200),
    1,
    measurementLimits.concepts,
    'names of concepts',
  ).meta({ examples: [['ocean', 'pirate']] }),
  strengths: listOf(
    z.number({ error: 'must be a finite number' }),
    1,
    measurementLimits.strengths,
    'numbers',
  ).meta({
    description: 'In units of `scale`; 0 is the unsteered model.',
    examples: [[0, 0.5, 1]],
  }),
  scale: SteeringScale.default('calibrated'),
  operation: SteeringOperation.default('add'),
  layers: SteeringLayers.default('default'),
  positions: SteeringPositions.default('all'),
  max_tokens: whole(1, measurementLimits.maxTokens).default(48),
  temperature: between(0, 2).default(0),
  top_p: between(0, 1).default(1),
  seed: whole(0, 4_294_967_295).default(0),
};

const answersExpected = `prompts, concepts and strengths must make at most ${measurementLimits.answers} answers`;

export const SweepRequest = z
  .strictObject(sweepFields, {
    error: strictly(
      'the sweep',
      Object.keys(sweepFields),
      'must be an object with prompts, concepts and strengths',
    ),
  })
  .superRefine((sweep, context) => {
    const answers = sweep.prompts.length * sweep.concepts.length * sweep.strengths.length;
    if (answers > measurementLimits.answers) {
      context.addIssue({
        code: 'custom',
        path: ['prompts'],
        message: `${answersExpected}; received ${answers}.`,
        input: sweep.prompts,
      });
    }
    // Every item is parsed here, so that a strength beyond its scale is refused before anything runs.
    for (const [index, strength] of sweep.strengths.entries()) {
      const item = SteeringItem.safeParse(sweepItem(sweep, sweep.concepts[0] ?? '', strength));
      for (const { message } of item.success ? [] : item.error.issues) {
        context.addIssue({ code: 'custom', path: ['strengths', index], message, input: strength });
      }
    }
  })
  .meta({
    id: 'SweepRequest',
    example: { prompts: ['What is on your mind today?'], concepts: ['ocean'], strengths: [0, 0.5, 1] },
  });
export type SweepRequest = z.output<typeof SweepRequest>;

/** What one combination is as an item of a completion's `steering`. */
export function sweepItem(
  { scale, operation, layers, positions }: Pick<SweepRequest, 'scale' | 'operation' | 'layers' | 'positions'>,
  concept: string,
  strength: number,
): z.input<typeof SteeringItem> {
  return { concept, strength, scale, operation, layers, positions };
}

const nats = 'nats per token';
const Measures = {
  evidence: z
    .number()
    .nullable()
    .meta({
      description: `How much likelier the answer is when the concept is stated to the model, ${nats}; null when nothing states it.`,
    }),
  log_probability: z
    .number()
    .nullable()
    .meta({ description: `Of the answer under the unsteered model, ${nats}; null for an empty answer.` }),
  distinct_2: z.number().meta({ description: 'Share of distinct pairs of tokens: low in loops.' }),
};

export const Sweep = z
  .object({
    object: z.literal('steering.sweep'),
    model: z.string(),
    data: z
      .array(
        z.object({
          prompt: z.int().meta({ description: 'Index into `prompts`.' }),
          concept: z.string(),
          strength: z.number(),
          answer: z.string(),
          tokens: z.int(),
          finish_reason: z.enum(['stop', 'length']),
          ...Measures,
        }),
      )
      .meta({ description: 'By prompt, then concept, then strength.' }),
    summary: z
      .array(
        z.object({
          concept: z.string(),
          strength: z.number(),
          ...Measures,
          steering: SteeringReceipt,
        }),
      )
      .meta({ description: 'Means over the prompts, with what was done to the activations.' }),
  })
  .meta({ id: 'Sweep' });
export type Sweep = z.output<typeof Sweep>;
