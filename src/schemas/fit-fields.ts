/** The fields of a fit's request, each with what it must be alone. */
import { z } from 'zod';
import { conceptNameExpected, isConceptName } from '../common/names.js';
import { between, choice, formed, list, listOf, strictly, text, whole } from './fields.js';
import {
  auto,
  conceptClasses,
  conceptClassNames,
  contrastKinds,
  defaultProfile,
  exampleSetNames,
  exampleSets,
  fitContrasts,
  fitMethods,
  fitProfiles,
  fitRecipes,
  labelKinds,
  methodChoices,
  mostCandidates,
  profileNames,
  recipeChoices,
  recipeNames,
  triedMethods,
  usualTexts,
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
  layers: 4096,
} as const;

export const prefixExpected = `must be a text of 1 to ${fitLimits.prefix} characters that states the concept`;

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
  choice(
    [
      text(fitLimits.example, exampleExpected),
      z
        .array(ExampleMessage, { error: exampleExpected })
        .min(1, { error: exampleExpected })
        .max(mostMessages, { error: exampleExpected }),
    ],
    (value) => (Array.isArray(value) ? 1 : 0),
    mostMessages,
  ),
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

const layersExpected =
  'must be "all", a list of layers, {"top": number of layers} or {"bottom": number of layers}';
const Layers = z.union(
  [
    z.literal('all'),
    z.array(whole(1, fitLimits.layers)).min(1).max(fitLimits.layers),
    z.strictObject(
      { top: whole(1, fitLimits.layers) },
      { error: strictly('layers', ['top', 'bottom'], layersExpected) },
    ),
    z.strictObject(
      { bottom: whole(1, fitLimits.layers) },
      { error: strictly('layers', ['top', 'bottom'], layersExpected) },
    ),
  ],
  { error: layersExpected },
);

const classes = Object.entries(conceptClasses)
  .map(([name, { prefix }]) => `${name}: "${prefix}"`)
  .join(' ');

export const fitFields = {
  name: formed(isConceptName, conceptNameExpected).meta({
    description: 'Name of the concept that the fit makes.',
    examples: ['ocean'],
  }),
  model: z.string().optional().meta({ description: "Default: the server's default model." }),
  prefix: text(fitLimits.prefix, prefixExpected)
    .optional()
    .meta({
      description:
        'What states the concept to the model. Either this or `class` and `subject`; recipes texts and auto can do with a `subject` alone, and recipe examples needs none of them. With `{x}` in it, which stands for the `subject`, the contrast can put other subjects there.',
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
        'What the concept is about, as it reads inside a sentence: "the ocean". With `class`, with `prefix`, or alone with recipes texts and auto.',
      examples: [conceptClasses.fears.example],
    }),
  recipe: z
    .enum(recipeChoices)
    .default(auto)
    .meta({
      description: `auto: several recipes with their usual methods are fitted and measured briefly, the best one is kept and calibrated, and what the others reached stays in the record; with \`examples\`, recipe examples. ${described(fitRecipes)}`,
    }),
  method: z
    .enum(methodChoices)
    .optional()
    .meta({
      description: `auto: the best of ${triedMethods.join(', ')}, fitted from one set of captures; with recipe auto, the usual ones. ${described(fitMethods)} Default: ${recipeNames.map((name) => `${fitRecipes[name].defaultMethod} with ${name}`).join(', ')}.`,
    }),
  statements: z
    .strictObject(
      { positive: statementsSide, negative: statementsSide },
      { error: strictly('statements', ['positive', 'negative'], 'must be an object of two lists of texts') },
    )
    .optional()
    .meta({
      description:
        "For recipes attention (statements) and responses (questions): texts of each side. Default: the recipe's own.",
    }),
  examples: Examples.optional(),
  contrast: z
    .enum(contrastKinds)
    .optional()
    .meta({
      description: `What the negative side states. ${described(fitContrasts)} Default: others, and none with recipe examples, whose negatives are the contrast; recipe auto tries recipe attention with both.`,
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
      description: `Texts of each side that recipe texts has written. Default: ${usualTexts}.`,
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
      'Layers that get a vector: "all" from 1, a list, or {"top": k}: those where most heads attend to the prefix significantly (permutation test, p < 0.01; recipe attention); {"bottom": k}: those where the fewest do.',
  }),
  profile: z
    .enum(profileNames)
    .optional()
    .meta({
      description: `How the coefficients of the layers compare. ${described(fitProfiles)} Default: ${defaultProfile}; where recipe or method is auto, the best of the three.`,
    }),
  calibrate: z.boolean({ error: 'must be true or false' }).default(true).meta({
    description:
      'Measures what strength 1 means (about a minute on the embedded model, on two cores). Without, a rule guesses it: 1.2 % of the residual norm. Recipe auto, which may not measure either then, is recipe texts for a subject and recipe responses for a message.',
  }),
  seed: whole(0, 4_294_967_295).default(0),
  max_tokens: whole(1, fitLimits.maxTokens)
    .optional()
    .meta({
      description: `Tokens of each answer or text, for recipes that have the model write. Default: ${fitRecipes.texts.defaultMaxTokens} with texts, else ${fitRecipes.responses.defaultMaxTokens}.`,
    }),
};

export type FitFields = z.output<z.ZodObject<typeof fitFields>>;
