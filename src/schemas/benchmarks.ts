/** Runs of the benchmark: what one is asked with, how far it is, and what it shows so far. */
import { z } from 'zod';
import { between, choice, formed, listOf, strictly, text, whole } from './fields.js';
import {
  contrastKinds,
  defaultProfile,
  labelKinds,
  methodNames,
  mostCandidates,
  profileNames,
  recipeNames,
} from './fit-choices.js';

/** What may be asked of a server: a run of more is the command's, on a machine of its own. */
export const benchmarkLimits = {
  concepts: 1000,
  name: 200,
  prefix: 4000,
  prompts: 64,
  prompt: 2000,
  /** Ways to make the vectors. */
  variants: 128,
  points: 32,
  seeds: 16,
  /** Of them all together. */
  answers: 1_000_000,
} as const;

/** How strength 1 is measured: as by every fit, with fewer questions and decoys, by two reads of each answer, by the rule. */
export const calibrationKinds = ['full', 'brief', 'glance', 'none'] as const;

/** What a run is called: a folder's name that leads nowhere else. */
export const isRunName = (name: string): boolean => /^[\p{L}\p{N}_][\p{L}\p{N} ._-]{0,127}$/u.test(name);

const listedFields = {
  name: text(benchmarkLimits.name),
  class: text(benchmarkLimits.name).optional().meta({
    description: "One of the paper's classes, whose sentence then states the concept, or a word of yours.",
  }),
  prefix: text(benchmarkLimits.prefix).optional().meta({
    description: "States the concept. Needed where the class is none of the paper's.",
  }),
  prompts: listOf(text(benchmarkLimits.prompt), 2, benchmarkLimits.prompts, 'texts')
    .optional()
    .meta({ description: 'Asked of it. Default: five that ship for its class.' }),
};
const ListedConcept = z.strictObject(listedFields, {
  error: strictly('the concept', Object.keys(listedFields), 'must be an object with a name'),
});

const several = <Item extends z.ZodType>(item: Item, what = 'names') =>
  listOf(item, 1, benchmarkLimits.variants, what);
const recipes = recipeNames.filter((name) => name !== 'examples');
const contrasts = contrastKinds.filter((kind) => kind !== 'opposite');
const layersExpected = 'must be "all", {"top": number of layers} or {"bottom": number of layers}';
const share = (end: 'top' | 'bottom') => {
  const fields = { [end]: whole(1, 4096) } as Record<typeof end, z.ZodInt>;
  return z.strictObject(fields, { error: strictly('layers', ['top', 'bottom'], layersExpected) });
};

/** Where none are named. */
export const usualStrengths = [0.5, 1, 1.5] as const;

const benchmarkFields = {
  name: formed(
    isRunName,
    'a name of 1 to 128 letters, digits, spaces, dots, dashes and underscores that begins with a letter, a digit or an underscore',
  )
    .optional()
    .meta({
      description:
        'Of the run. One that is there goes on, when it has the same plan and nobody works on it. Default: a new one.',
      examples: ['first'],
    }),
  model: z.string().optional().meta({ description: "Default: the server's default model." }),
  concepts: listOf(ListedConcept, 1, benchmarkLimits.concepts, 'concepts')
    .optional()
    .meta({ description: "Default: the paper's 512." }),
  sample: whole(1, benchmarkLimits.concepts)
    .optional()
    .meta({ description: 'So many of each class, drawn by `seed`. Default: all.', examples: [3] }),
  recipes: several(z.enum(recipes)).default(['attention']),
  methods: several(z.enum(['usual', ...methodNames]))
    .default(['rfm', 'mean_difference'])
    .meta({ description: "`usual`: the recipe's own." }),
  contrasts: several(z.enum(contrasts))
    .optional()
    .meta({ description: "`none` is the paper's. Default: the recipe's own." }),
  profiles: several(z.enum(profileNames))
    .default([defaultProfile])
    .meta({ description: "`uniform` is the paper's." }),
  tokens: several(
    choice([z.enum(['chosen']), whole(-mostCandidates, -1)], (value) => Number(typeof value !== 'string')),
    'tokens',
  )
    .default(['chosen'])
    .meta({ description: 'The token that recipe attention reads, from the end, or each layer its own.' }),
  labels: several(z.enum(labelKinds)).optional().meta({ description: "Default: the recipe's own." }),
  layers: several(
    choice([z.enum(['all']), share('top'), share('bottom')], (value) =>
      typeof value !== 'object' || value === null ? 0 : 'bottom' in value ? 2 : 1,
    ),
    'choices of layers',
  )
    .default(['all'])
    .meta({ description: 'Vectors only in so many layers that attend most, or least, to the concept.' }),
  statements: several(whole(2, 1000), 'numbers').optional().meta({
    description: 'Of each side, that recipe attention reads. Default: 200.',
  }),
  one_at_a_time: z.boolean().default(false).meta({
    description:
      'Not every combination: the first of each option, and every other value of one option alone.',
  }),
  strengths: listOf(between(-8, 8), 1, benchmarkLimits.points, 'numbers')
    .default([...usualStrengths])
    .meta({ description: '1, which is the fixed one, and those that the best is chosen among as well.' }),
  coefficients: z
    .array(z.number(), { error: 'must be a list of numbers' })
    .max(benchmarkLimits.points)
    .default([])
    .meta({ description: 'On unit vectors, as in the paper, to choose the best among.' }),
  calibration: z.enum(calibrationKinds).default('full').meta({
    description:
      'How strength 1 is measured: as by a fit, with a quarter of the questions, half of the decoys and no side effects, by a glance (two reads of each answer, no scores), or by the rule.',
  }),
  seed: whole(0, 4_294_967_295).default(0),
  seeds: whole(1, benchmarkLimits.seeds).default(1).meta({
    description: 'Answers to each prompt; more than one are drawn.',
  }),
  temperature: between(0, 2).optional().meta({ description: 'Default: 0, and 0.8 with several seeds.' }),
  max_tokens: whole(1, 512).default(32).meta({ description: 'Of each answer.' }),
  parallel: whole(1, 64).default(4).meta({
    description: 'Answers at once; they share the server with whoever else asks it.',
  }),
  keep_concepts: z.boolean().default(false).meta({ description: 'Leave the fitted concepts.' }),
};

export const BenchmarkRequest = z
  .strictObject(benchmarkFields, {
    error: strictly('the run', Object.keys(benchmarkFields), 'must be an object'),
  })
  .meta({ id: 'BenchmarkRequest', example: { name: 'first', sample: 3, calibration: 'brief' } });
export type BenchmarkRequest = z.output<typeof BenchmarkRequest>;

const count = z.object({ done: z.int(), total: z.int() });
const unixSeconds = z.int().meta({ description: 'Unix seconds.' });

const BenchmarkJob = z
  .object({
    id: z.string().meta({ examples: ['benchmark-5c1f0a9be2d34c7788aa01f2'] }),
    status: z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']),
    created_at: unixSeconds,
    started_at: unixSeconds.nullable(),
    finished_at: unixSeconds.nullable(),
    stage: z.string().nullable().meta({ description: 'What is being done.' }),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({ id: 'BenchmarkJob', description: 'The last job that worked, or is to work, on a run.' });
export type BenchmarkJob = z.output<typeof BenchmarkJob>;

export const BenchmarkRun = z
  .object({
    id: z
      .string()
      .meta({ description: 'Its name; of a run in a folder, that of the folder.', examples: ['first'] }),
    object: z.literal('benchmark'),
    state: z.enum(['queued', 'running', 'stopped', 'done']).meta({
      description:
        'stopped: nobody works on it, and what began it, the command or the request, goes on with it.',
    }),
    model: z.string(),
    started_at: unixSeconds,
    concepts: z.int(),
    classes: z.array(z.string()),
    variants: z.array(z.string()).meta({ description: 'Ways to make the vectors.' }),
    fits: count.extend({ failed: z.int() }),
    answers: count,
    judgements: count,
    success: z
      .array(
        z.object({
          judge: z.string(),
          variant: z.string().meta({ description: 'A way, `plain` or `told`.' }),
          mean: z.number(),
          low: z.number(),
          high: z.number(),
          concepts: z.int(),
        }),
      )
      .meta({
        description: 'So far, at strength 1: means over concepts with bootstrap intervals (95 %).',
      }),
    job: BenchmarkJob.nullable().meta({ description: 'null for a run of the command.' }),
  })
  .meta({ id: 'BenchmarkRun' });
export type BenchmarkRun = z.output<typeof BenchmarkRun>;

export const BenchmarkList = z
  .object({ object: z.literal('list'), data: z.array(BenchmarkRun) })
  .meta({ id: 'BenchmarkList' });
export type BenchmarkList = z.output<typeof BenchmarkList>;

export const BenchmarkDeleted = z
  .object({ id: z.string(), object: z.literal('benchmark.deleted'), deleted: z.literal(true) })
  .meta({ id: 'BenchmarkDeleted' });

export const BenchmarkParams = z.object({
  id: z
    .string()
    .min(1)
    .max(128)
    .meta({ examples: ['first'] }),
});
