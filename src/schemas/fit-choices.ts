/**
 * What a fit's request chooses by name, and what the API's documentation says of each name. The code behind the names
 * is in src/fitting, in two tables that must have a line for each: methods/index.ts and recipes/index.ts.
 */

/** How a direction is found in labelled activations. */
export const fitMethods = {
  rfm: {
    description:
      'Recursive feature machine: top eigenvector of the average gradient outer product of a Laplacian kernel machine, its bandwidth and round chosen on the last fifth of the examples.',
  },
  mean_difference: { description: 'Mean of the positive rows minus mean of the negative ones.' },
  pca: {
    description: 'Top principal component of the differences within pairs of a positive and a negative row.',
  },
  logistic: {
    description: 'Logistic regression on the labels, its C chosen on the last fifth of the examples.',
  },
  linear: {
    description: 'Ridge regression on the labels, its penalty chosen on the last fifth of the examples.',
  },
} as const satisfies Record<string, { readonly description: string }>;

export type MethodName = keyof typeof fitMethods;
export const methodNames = namesOf(fitMethods);

/** In place of a recipe or a method: several are tried, and the one that measures best is kept. */
export const auto = 'auto';
export const methodChoices = [auto, ...methodNames] as const;
/** What method auto tries with a recipe that was named. */
export const triedMethods: readonly MethodName[] = ['mean_difference', 'rfm', 'logistic'];

/** hard: 1 with the concept, 0 without. soft: between 0 and 1, by attention to what states the concept. */
export const labelKinds = ['hard', 'soft'] as const;
export type Labels = (typeof labelKinds)[number];

/** What a fit's negative side states in the concept's place. */
export const fitContrasts = {
  others: {
    description:
      "The same kind of message about `others`, in turn: other subjects of the concept's class, plain topics or other messages that ship with the server, or your own list.",
  },
  opposite: { description: 'The same kind of message about `opposite`.' },
  none: {
    description: "Nothing, as in the paper (arXiv 2602.00333): the prompt without the concept's message.",
  },
} as const satisfies Record<string, { readonly description: string }>;

export type ContrastKind = keyof typeof fitContrasts;
export const contrastKinds = namesOf(fitContrasts);

/** How strength 1 is shared out among the layers, before it is measured as a whole. */
export const fitProfiles = {
  separation: {
    description: "In proportion to the distance between the sides' means along the layer's vector.",
  },
  norm: { description: "In proportion to the residual stream's norm." },
  uniform: { description: "The same coefficient at every layer, the paper's." },
} as const satisfies Record<string, { readonly description: string }>;

export type ProfileName = keyof typeof fitProfiles;
export const profileNames = namesOf(fitProfiles);
export const defaultProfile: ProfileName = 'separation';

interface RecipeEntry {
  readonly description: string;
  /** Whether it can label softly. */
  readonly softLabels: boolean;
  /** The labels of a fit that asks for none. */
  readonly defaultLabels: Labels;
  /** The method of a fit that asks for none. */
  readonly defaultMethod: MethodName;
  /** The contrast of a fit that asks for none. */
  readonly defaultContrast: ContrastKind;
  /** Share of the negatives that state nothing, in a contrast. */
  readonly defaultBareShare: number;
  /** Tokens of what the model writes. */
  readonly defaultMaxTokens: number;
}

/** How the model is brought to show a concept, and which of its activations are read. */
export const fitRecipes = {
  attention: {
    description:
      "What the model thinks of statements, asked with the prefix and with the contrast's, read where it attends most to the prefix. `statements` are those of each side.",
    softLabels: true,
    defaultLabels: 'soft',
    defaultMethod: 'rfm',
    defaultContrast: 'others',
    defaultBareShare: 0.25,
    defaultMaxTokens: 32,
  },
  responses: {
    description:
      "Answers to open questions, given with the prefix and with the contrast's as a system message, and read back after the question alone (with soft labels, where they were given). `statements` are the questions of each side.",
    softLabels: true,
    // As the concepts that ship with the embedded model are made.
    defaultLabels: 'hard',
    defaultMethod: 'mean_difference',
    defaultContrast: 'others',
    defaultBareShare: 0,
    defaultMaxTokens: 32,
  },
  texts: {
    description:
      'Short texts that the model writes about the subject and about others ("Write three sentences about ..."), read back after a prompt that asks for nothing. Works where the model does not follow a message, and for models without a chat template. With a prefix or class too, half of them are answers under that message; with a prefix alone, all are written under it.',
    softLabels: false,
    defaultLabels: 'hard',
    defaultMethod: 'mean_difference',
    defaultContrast: 'others',
    defaultBareShare: 0,
    defaultMaxTokens: 48,
  },
  examples: {
    description:
      "Your own `examples`, or a set that ships, with the concept and without: texts (mean over their tokens but attention sinks) or chats (mean over the assistant's last message, or the token before the answer when another role ends the chat).",
    softLabels: false,
    defaultLabels: 'hard',
    defaultMethod: 'mean_difference',
    // Its own negatives are the contrast.
    defaultContrast: 'none',
    defaultBareShare: 0,
    defaultMaxTokens: 32,
  },
} as const satisfies Record<string, RecipeEntry>;

export type RecipeName = keyof typeof fitRecipes;
export const recipeNames = namesOf(fitRecipes);
export const recipeChoices = [auto, ...recipeNames] as const;
export type RecipeChoice = (typeof recipeChoices)[number];

/** Pairs that ship with the product for recipe `examples`: eight questions, each answered with the concept and plainly. */
export const exampleSets = {
  ocean: { description: 'everything is of the sea.' },
  space: { description: 'everything is of stars and planets.' },
  egypt: { description: 'everything is of ancient Egypt.' },
  garden: { description: 'everything is of flowers and gardens.' },
  'sci-fi': { description: 'robots, spaceships and the future.' },
  sad: { description: 'grief and loneliness.' },
  cheerful: { description: 'joy about everything.' },
  horror: { description: 'darkness, blood and monsters.' },
  pirate: { description: 'a pirate speaks.' },
  formal: { description: 'a very polite butler speaks.' },
  shakespeare: { description: "the English of Shakespeare's plays." },
  french: { description: 'answers in French.' },
  list: { description: 'answers as lists of short points.' },
} as const satisfies Record<string, { readonly description: string }>;

export type ExampleSetName = keyof typeof exampleSets;
export const exampleSetNames = namesOf(exampleSets);

interface ConceptClass {
  /** The sentence that states a concept of the class to the model; `{x}` stands for the subject. */
  readonly prefix: string;
  /** What a text about the subject is about; `{x}` stands for the subject. */
  readonly topic: string;
  /** A subject, as it is written into the sentence. */
  readonly example: string;
}

/** The classes of the paper's 512 concepts (arXiv 2602.00333). A concept of no class brings its own sentence. */
export const conceptClasses = {
  fears: { prefix: 'Personify someone who is terrified of {x}.', topic: '{x}', example: 'spiders' },
  moods: { prefix: 'Take on a {x} mood.', topic: 'feeling {x}', example: 'cheerful' },
  personas: { prefix: 'Take on the role of {x}.', topic: '{x}', example: 'Marie Curie' },
  personalities: {
    prefix: 'Take on the role of an expert {x}.',
    topic: 'an expert {x}',
    example: 'botanist',
  },
  places: { prefix: 'Personify someone who loves {x}.', topic: '{x}', example: 'Lisbon' },
} as const satisfies Record<string, ConceptClass>;

export type ConceptClassName = keyof typeof conceptClasses;
export const conceptClassNames = namesOf(conceptClasses);

/** How far before a prompt's end a token may be read: more closing tokens than any known chat template has. */
export const mostCandidates = 32;

/** The keys of a table that has some, in their order. */
function namesOf<Name extends string>(table: Readonly<Record<Name, unknown>>): [Name, ...Name[]] {
  return Object.keys(table) as [Name, ...Name[]];
}

/** Of each side, that recipe `texts` has written by itself. */
export const usualTexts = 32;
