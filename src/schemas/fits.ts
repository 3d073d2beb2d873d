/** What a fit is asked with: the body of `POST /v1/fits` and `POST /v1/concepts`, and each entry of a list of fits. */
import { z } from 'zod';
import { isConceptName } from '../common/names.js';
import { between, choice, list, listOf, strictly, text, whole } from './fields.js';
import {
  conceptClasses,
  conceptClassNames,
  contrastKinds,
  defaultProfile,
  defaultRecipe,
  exampleSetNames,
  exampleSets,
  fitContrasts,
  fitMethods,
  fitProfiles,
  fitRecipes,
  labelKinds,
  methodNames,
  mostCandidates,
  profileNames,
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
  fewestOthers: 2,
  mostOthers: 64,
  /** Of each side, that recipe `texts` has written. */
  fewestTexts: 8,
  mostTexts: 256,
  usualTexts: 32,
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

const examplesExpected = `must be one of ${exampleSetNames.join(', ')}, or an object of two lists of texts or chats`;
const OwnExamples = z.strictObject(
  { positive: examplesSide, negative: examplesSide },
  { error: strictly('examples', ['positive', 'negative'], examplesExpected) },
);
const Examples = choice(
  [z.enum(exampleSetNames, { error: examplesExpected }), OwnExamples],
  (value) => (typeof value === 'string' ? 0 : 1),
  mostStatements,
).meta({
  description: `For recipe examples: texts, or chats as lists of messages, with the concept and without. Or the name of a set that ships, eight questions each answered with the concept and plainly, which states its concept itself if \`prefix\` is left out: ${described(exampleSets)}`,
});

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
        'What states the concept to the model. Either this or `class` and `subject`; recipe texts can do with a `subject` alone, and recipe examples needs none of them. With `{x}` in it, which stands for the `subject`, the contrast can put other subjects there.',
      examples: ['You are obsessed with the ocean. Every sentence speaks of waves, tides or fish.'],
    }),
  class: z
    .enum(conceptClassNames)
    .optional()
    .meta({ description: `States the concept with \`subject\` for {x}. ${classes}` }),
  subject: text(fitLimits.subject)
    .optional()
    .meta({
      description:
        'What the concept is about, as it reads inside a sentence: "the ocean". With `class`, with `prefix`, or alone with recipe texts.',
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
  examples: Examples.optional(),
  contrast: z
    .enum(contrastKinds)
    .optional()
    .meta({
      description: `What the negative side states. ${described(fitContrasts)} Default: others, and none with recipe examples, whose negatives are the contrast.`,
    }),
  others: listOf(text(fitLimits.prefix), fitLimits.fewestOthers, fitLimits.mostOthers, 'texts')
    .optional()
    .meta({
      description:
        "For contrast others. Subjects, with `class`, with a `subject` alone and with `{x}` in the prefix; else whole messages of the prefix's kind. The concept's own is left out. Default: those that ship with the server and speak of something else.",
      examples: [['mountains', 'old cars', 'chess']],
    }),
  opposite: text(fitLimits.prefix)
    .optional()
    .meta({ description: 'For contrast opposite: a subject or a message, as in `others`.' }),
  bare_share: between(0, 1)
    .optional()
    .meta({
      description: `Share of the negatives that state nothing, in a contrast. Default: ${recipeNames.map((name) => `${fitRecipes[name].defaultBareShare} with ${name}`).join(', ')}.`,
    }),
  texts: whole(fitLimits.fewestTexts, fitLimits.mostTexts)
    .optional()
    .meta({
      description: `Texts of each side that recipe texts has written. Default: ${fitLimits.usualTexts}.`,
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
  profile: z
    .enum(profileNames)
    .default(defaultProfile)
    .meta({ description: `How the coefficients of the layers compare. ${described(fitProfiles)}` }),
  calibrate: z.boolean({ error: 'must be true or false' }).default(true).meta({
    description:
      'Measures what strength 1 means (some 20 s on the embedded model). Without, a rule guesses it: 1.2 % of the residual norm.',
  }),
  seed: whole(0, 4_294_967_295).default(0),
  max_tokens: whole(1, fitLimits.maxTokens)
    .optional()
    .meta({
      description: `Tokens of each answer or text, for recipes that have the model write. Default: ${fitRecipes.texts.defaultMaxTokens} with texts, else ${fitRecipes.responses.defaultMaxTokens}.`,
    }),
};

type Fields = z.output<z.ZodObject<typeof fitFields>>;

/** What is wrong with fields that are right one by one but do not go together: [field at fault, requirement]. */
function* misfits(fit: Fields): Generator<readonly [string, string]> {
  const { recipe, statements, examples, token, layers } = fit;
  yield* statedMisfits(fit);
  yield* contrastMisfits(fit);
  if (recipe === 'examples') {
    if (examples === undefined) yield ['examples', 'must be given with recipe "examples"'];
    else if (typeof examples === 'object' && sameTexts(examples))
      yield ['examples.negative', 'must differ from examples.positive'];
  } else if (examples !== undefined) yield ['examples', `must be left out with recipe "${recipe}"`];
  if ((recipe === 'examples' || recipe === 'texts') && statements !== undefined)
    yield ['statements', `must be left out with recipe "${recipe}"`];
  if ((recipe === 'responses' || recipe === 'texts') && token !== undefined)
    yield ['token', `must be left out with recipe "${recipe}", which reads whole answers`];
  if (recipe !== 'texts' && fit.texts !== undefined)
    yield ['texts', `must be left out with recipe "${recipe}", which has none written`];
  if (recipe !== 'attention' && typeof layers === 'object' && 'top' in layers)
    yield [
      'layers',
      `must be "all" or a list with recipe "${recipe}", which compares no layers by attention`,
    ];
}

/** What states the concept. */
function* statedMisfits({
  recipe,
  prefix,
  subject,
  class: conceptClass,
}: Fields): Generator<readonly [string, string]> {
  if (conceptClass !== undefined) {
    if (prefix !== undefined)
      yield ['prefix', 'must be left out with class and subject, which state the concept'];
    if (subject === undefined) yield ['subject', `must be given with class "${conceptClass}"`];
  } else if (prefix === undefined) {
    if (subject !== undefined && recipe !== 'texts')
      yield ['class', `must be one of ${conceptClassNames.join(', ')} for a subject, or prefix be given`];
    if (subject === undefined && recipe !== 'examples') yield ['prefix', prefixExpected];
  } else if (subject === undefined && prefix.includes('{x}'))
    yield ['subject', 'must be given for the {x} in prefix'];
}

function* contrastMisfits(fit: Fields): Generator<readonly [string, string]> {
  const { recipe, opposite, others } = fit;
  const contrast = fit.contrast ?? fitRecipes[recipe].defaultContrast;
  if (recipe === 'examples' && contrast !== 'none')
    yield ['contrast', 'must be left out with recipe "examples", whose negatives are the contrast'];
  if (others !== undefined && contrast !== 'others')
    yield ['others', `must be left out with contrast "${contrast}"`];
  if (opposite !== undefined && contrast !== 'opposite')
    yield ['opposite', `must be left out with contrast "${contrast}"`];
  if (opposite === undefined && contrast === 'opposite')
    yield ['opposite', 'must be given with contrast "opposite"'];
  if (fit.bare_share !== undefined && contrast === 'none')
    yield ['bare_share', 'must be left out with contrast "none", where all negatives are bare'];
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
