/** Fit jobs, in the style of OpenAI's fine-tuning jobs. */
import { z } from 'zod';
import { isConceptName } from '../concepts/concept.js';
import { defaultMethod, methodNames, methods } from '../steering/methods/index.js';
import { defaultRecipe, recipeNames, recipes } from '../steering/recipes/index.js';
import { strictly } from './strictly.js';

export const fitLimits = {
  prefix: 4000,
  /** Of each side. */
  fewestStatements: 2,
  mostStatements: 512,
  statement: 2000,
  maxTokens: 256,
} as const;

const nameExpected =
  'must be a name of 1 to 128 letters, digits, spaces, "_", "-", "." or "\'", starting with a letter or digit';
const prefixExpected = `must be a text of 1 to ${fitLimits.prefix} characters that states the concept`;

const described = (table: Record<string, { readonly description: string }>) =>
  Object.entries(table)
    .map(([name, { description }]) => `${name}: ${description}`)
    .join(' ');

const text = (limit: number, error = `must be a text of 1 to ${limit} characters`) =>
  z
    .string({ error })
    .min(1, { error })
    .max(limit, { error })
    .refine((value) => value.trim() !== '', { error });

const { fewestStatements, mostStatements } = fitLimits;
const sideExpected = `must be a list of ${fewestStatements} to ${mostStatements} texts`;
const side = z
  .array(text(fitLimits.statement), { error: sideExpected })
  .min(fewestStatements, { error: sideExpected })
  .max(mostStatements, { error: sideExpected });

const whole = (least: number, most: number) => {
  const error = `must be a whole number from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
};

const fitShape = {
  name: z
    .string({ error: nameExpected })
    .refine(isConceptName, { error: nameExpected })
    .meta({ description: 'Name of the concept that the fit makes.', examples: ['ocean'] }),
  model: z.string().optional().meta({ description: "Default: the server's default model." }),
  prefix: text(fitLimits.prefix, prefixExpected).meta({
    description: 'What states the concept to the model.',
    examples: ['You are obsessed with the ocean. Every sentence speaks of waves, tides or fish.'],
  }),
  recipe: z
    .enum(recipeNames)
    .default(defaultRecipe)
    .meta({ description: described(recipes) }),
  method: z
    .enum(methodNames)
    .default(defaultMethod)
    .meta({ description: described(methods) }),
  statements: z
    .strictObject(
      { positive: side, negative: side },
      { error: strictly('statements', ['positive', 'negative'], 'must be an object of two lists of texts') },
    )
    .optional()
    .meta({ description: "The recipe's texts with and without the concept. Default: the recipe's own." }),
  labels: z.enum(['hard', 'soft']).default('hard').meta({
    description: 'hard: 1 and 0. soft: between them, where both recipe and method know such labels.',
  }),
  seed: whole(0, 4_294_967_295).default(0),
  max_tokens: whole(1, fitLimits.maxTokens)
    .default(32)
    .meta({ description: 'Tokens per answer, for recipes that have the model answer.' }),
};

export const FitRequest = z.strictObject(fitShape, {
  error: strictly('the fit', Object.keys(fitShape), 'must be an object with a name and a prefix'),
});
export type FitRequest = z.output<typeof FitRequest>;

export const FitStatus = z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']);
export type FitStatus = z.output<typeof FitStatus>;

const unixSeconds = z.int().meta({ description: 'Unix seconds.' });

export const FitJob = z
  .object({
    id: z.string().meta({ examples: ['fit-5c1f0a9be2d34c7788aa01f2'] }),
    object: z.literal('fit'),
    status: FitStatus,
    name: z.string(),
    model: z.string(),
    prefix: z.string(),
    recipe: z.string(),
    method: z.string(),
    created_at: unixSeconds,
    started_at: unixSeconds.nullable(),
    finished_at: unixSeconds.nullable(),
    progress: z.object({ stage: z.string(), done: z.int(), total: z.int() }).nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    concept: z.object({ name: z.string(), version: z.string() }).nullable(),
  })
  .meta({ description: 'A job that fits a concept.' });
export type FitJob = z.output<typeof FitJob>;

export const FitList = z.object({ object: z.literal('list'), data: z.array(FitJob) });
export type FitList = z.output<typeof FitList>;
