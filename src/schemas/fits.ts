/** What a fit is asked with: the body of `POST /v1/fits` and `POST /v1/concepts`, and each entry of a list of fits. */
import { z } from 'zod';
import { isConceptName } from '../common/names.js';
import { list, strictly, text, whole } from './fields.js';
import {
  conceptClasses,
  conceptClassNames,
  defaultRecipe,
  fitMethods,
  fitRecipes,
  labelKinds,
  methodNames,
  mostCandidates,
  recipeNames,
} from './fit-choices.js';

const fitLimits = {
  prefix: 4000,
  /** Of each side. */
  fewestStatements: 2,
  mostStatements: 5000,
  statement: 2000,
  maxTokens: 256,
  /** Messages of an example that is a chat. */
  messages: 64,
  example: 16_000,
  /** Characters of a class's subject. */
  subject: 200,
  layers: 4096,
} as const;

/** Of a fit's request: `mostStatements` of each side with some 1,600 bytes each. */
export const fitBodyLimit = 16 * 1024 * 1024;

const nameExpected =
  'must be a name of 1 to 128 letters, digits, spaces, "_", "-", "." or "\'", starting with a letter or digit';
const prefixExpected = `must be a text of 1 to ${fitLimits.prefix} characters that states the concept`;

const described = (table: Record<string, { readonly description: string }>) =>
  Object.entries(table)
    .map(([name, { description }]) => `${name}: ${description}`)
    .join(' ');

const { fewestStatements, mostStatements } = fitLimits;
const bounds = { min: fewestStatements, max: mostStatements };
const statementsSide = list(text(fitLimits.statement), { ...bounds, what: 'texts' });

const { messages: mostMessages } = fitLimits;
const ExampleMessage = z.strictObject({
  role: z.enum(['system', 'user', 'assistant']),
  content: text(fitLimits.example),
});
const exampleExpected = `must be a text of 1 to ${fitLimits.example} characters or a list of 1 to ${mostMessages} messages`;
const examplesSide = list(
  z.union([text(fitLimits.example), z.array(ExampleMessage).min(1).max(mostMessages)], {
    error: exampleExpected,
  }),
  { ...bounds, what: 'texts or chats' },
);

const layersExpected = 'must be "all", a list of layers or {"top": number of layers}';
const Layers = z.union(
  [
    z.literal('all'),
    z.array(whole(1, fitLimits.layers)).min(1).max(fitLimits.layers),
    z.strictObject(
      { top: whole(1, fitLimits.layers) },
      { error: strictly('layers', ['top'], layersExpected) },
    ),
  ],
  { error: layersExpected },
);

const classes = Object.entries(conceptClasses)
  .map(([name, { prefix }]) => `${name}: "${prefix}"`)
  .join(' ');

const fitFields = {
  name: z
    .string({ error: nameExpected })
    .refine(isConceptName, { error: nameExpected })
    .meta({ description: 'Name of the concept that the fit makes.', examples: ['ocean'] }),
  model: z.string().optional().meta({ description: "Default: the server's default model." }),
  prefix: text(fitLimits.prefix, prefixExpected)
    .optional()
    .meta({
      description:
        'What states the concept to the model. Either this or `class` and `subject`; recipe examples needs neither.',
      examples: ['You are obsessed with the ocean. Every sentence speaks of waves, tides or fish.'],
    }),
  class: z
    .enum(conceptClassNames)
    .optional()
    .meta({ description: `States the concept with \`subject\` for {x}. ${classes}` }),
  subject: text(fitLimits.subject)
    .optional()
    .meta({
      description: 'What the class is about, as it reads inside a sentence.',
      examples: [conceptClasses.fears.example],
    }),
  recipe: z
    .enum(recipeNames)
    .default(defaultRecipe)
    .meta({ description: described(fitRecipes) }),
  method: z
    .enum(methodNames)
    .optional()
    .meta({
      description: `${described(fitMethods)} Default: ${recipeNames.map((name) => `${fitRecipes[name].defaultMethod} with ${name}`).join(', ')}.`,
    }),
  statements: z
    .strictObject(
      { positive: statementsSide, negative: statementsSide },
      { error: strictly('statements', ['positive', 'negative'], 'must be an object of two lists of texts') },
    )
    .optional()
    .meta({ description: "The recipe's texts with and without the concept. Default: the recipe's own." }),
  examples: z
    .strictObject(
      { positive: examplesSide, negative: examplesSide },
      {
        error: strictly(
          'examples',
          ['positive', 'negative'],
          'must be an object of two lists of texts or chats',
        ),
      },
    )
    .optional()
    .meta({
      description: 'For recipe examples: texts, or chats as lists of messages, with the concept and without.',
    }),
  labels: z.enum(labelKinds).optional().meta({
    description:
      'hard: 1 and 0. soft: by attention to the concept (recipes attention and responses). Default: soft with recipe attention, else hard.',
  }),
  token: whole(-mostCandidates, -1).optional().meta({
    description:
      'Reads this token of every prompt or example, counted from its end (-1 is the last), at every layer. Default: recipe attention chooses by attention, recipe examples takes means.',
  }),
  layers: Layers.default('all').meta({
    description:
      'Layers that get a vector: "all" from 1, a list, or {"top": k}: those where most heads attend to the prefix significantly (permutation test, p < 0.01; recipe attention).',
  }),
  calibrate: z.boolean({ error: 'must be true or false' }).default(true).meta({
    description:
      'Measures what strength 1 means (some 20 s on the embedded model). Without, a rule guesses it: 1.2 % of the residual norm.',
  }),
  seed: whole(0, 4_294_967_295).default(0),
  max_tokens: whole(1, fitLimits.maxTokens)
    .default(32)
    .meta({ description: 'Tokens per answer, for recipes that have the model answer.' }),
};

type Fields = z.output<z.ZodObject<typeof fitFields>>;

/** What is wrong with fields that are right one by one but do not go together: [field at fault, requirement]. */
function* misfits(fit: Fields): Generator<readonly [string, string]> {
  const { recipe, prefix, subject, statements, examples, token, layers } = fit;
  const ofClass = fit.class !== undefined || subject !== undefined;
  if (prefix !== undefined && ofClass)
    yield ['prefix', 'must be left out with class and subject, which state the concept'];
  if (fit.class !== undefined && subject === undefined)
    yield ['subject', `must be given with class "${fit.class}"`];
  if (fit.class === undefined && subject !== undefined)
    yield ['class', `must be one of ${conceptClassNames.join(', ')} for a subject`];
  if (recipe !== 'examples' && prefix === undefined && !ofClass) yield ['prefix', prefixExpected];
  if (recipe === 'examples') {
    if (examples === undefined) yield ['examples', 'must be given with recipe "examples"'];
    else if (sameTexts(examples)) yield ['examples.negative', 'must differ from examples.positive'];
    if (statements !== undefined) yield ['statements', 'must be left out with recipe "examples"'];
  } else if (examples !== undefined) yield ['examples', `must be left out with recipe "${recipe}"`];
  if (recipe === 'responses' && token !== undefined)
    yield ['token', 'must be left out with recipe "responses", which reads whole answers'];
  if (recipe !== 'attention' && typeof layers === 'object' && 'top' in layers)
    yield [
      'layers',
      `must be "all" or a list with recipe "${recipe}", which compares no layers by attention`,
    ];
}

/** Whether two sides hold the same examples, in whatever order. */
function sameTexts({
  positive,
  negative,
}: {
  positive: readonly unknown[];
  negative: readonly unknown[];
}): boolean {
  const texts = (side: readonly unknown[]) =>
    JSON.stringify([...new Set(side.map((item) => JSON.stringify(item)))].sort());
  return texts(positive) === texts(negative);
}

export const FitRequest = z
  .strictObject(fitFields, {
    error: strictly(
      'the fit',
      Object.keys(fitFields),
      'must be an object with a name and what states the concept',
    ),
  })
  .superRefine((fit, context) => {
    for (const [field, message] of misfits(fit)) {
      context.addIssue({ code: 'custom', path: field.split('.'), message, input: fit });
    }
  })
  .meta({
    example: {
      name: 'winter',
      recipe: 'responses',
      prefix: 'You are obsessed with winter: snow, ice and cold come up in every sentence.',
    },
  });
export type FitRequest = z.output<typeof FitRequest>;
