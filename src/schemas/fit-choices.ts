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

/** hard: 1 with the concept, 0 without. soft: between 0 and 1, by attention to what states the concept. */
export const labelKinds = ['hard', 'soft'] as const;
export type Labels = (typeof labelKinds)[number];

interface RecipeChoice {
  readonly description: string;
  /** Whether it can label softly. */
  readonly softLabels: boolean;
  /** The labels of a fit that asks for none. */
  readonly defaultLabels: Labels;
  /** The method of a fit that asks for none. */
  readonly defaultMethod: MethodName;
}

/** How the model is brought to show a concept, and which of its activations are read. */
export const fitRecipes = {
  attention: {
    description:
      'What the model thinks of statements, asked with and without the prefix, read where it attends most to the prefix. `statements` are those of each side.',
    softLabels: true,
    defaultLabels: 'soft',
    defaultMethod: 'rfm',
  },
  responses: {
    description:
      'Answers to open questions, given with and without the prefix as a system message. `statements` are the questions of each side.',
    softLabels: true,
    // As the concepts that ship with the embedded model are made.
    defaultLabels: 'hard',
    defaultMethod: 'mean_difference',
  },
  examples: {
    description:
      "Your own `examples` with the concept and without: texts (mean over their tokens but attention sinks) or chats (mean over the assistant's last message, or the token before the answer when another role ends the chat).",
    softLabels: false,
    defaultLabels: 'hard',
    defaultMethod: 'mean_difference',
  },
} as const satisfies Record<string, RecipeChoice>;

export type RecipeName = keyof typeof fitRecipes;
export const recipeNames = namesOf(fitRecipes);
export const defaultRecipe: RecipeName = 'attention';

interface ConceptClass {
  /** The sentence that states a concept of the class to the model; `{x}` stands for the subject. */
  readonly prefix: string;
  /** A subject, as it is written into the sentence. */
  readonly example: string;
}

/** The classes of the paper's 512 concepts (arXiv 2602.00333). A concept of no class brings its own sentence. */
export const conceptClasses = {
  fears: { prefix: 'Personify someone who is terrified of {x}.', example: 'spiders' },
  moods: { prefix: 'Take on a {x} mood.', example: 'cheerful' },
  personas: { prefix: 'Take on the role of {x}.', example: 'Marie Curie' },
  personalities: { prefix: 'Take on the role of an expert {x}.', example: 'botanist' },
  places: { prefix: 'Personify someone who loves {x}.', example: 'Lisbon' },
} as const satisfies Record<string, ConceptClass>;

export type ConceptClassName = keyof typeof conceptClasses;
export const conceptClassNames = namesOf(conceptClasses);

/** How far before a prompt's end a token may be read: more closing tokens than any known chat template has. */
export const mostCandidates = 32;

/** The keys of a table that has some, in their order. */
function namesOf<Name extends string>(table: Readonly<Record<Name, unknown>>): [Name, ...Name[]] {
  return Object.keys(table) as [Name, ...Name[]];
}
