/**
 * What every recipe is: a way to bring the model to show a concept and to read its activations, with labels. Recipes
 * know nothing of methods: any method works on what any recipe yields.
 */
import type { LoadedModel } from '../../models/model.js';
import type { Labels } from '../../schemas/fit-choices.js';
import type { ChatMessage } from '../../text/chat-template.js';
import type { ContrastTerms } from '../contrast/contrast.js';

/** Texts of a fit: questions for recipe `responses`, statements for recipe `attention`. */
export interface Statements {
  readonly positive: readonly string[];
  readonly negative: readonly string[];
}

/** The user's own texts or chats with the concept and without. */
export type Example = string | readonly ChatMessage[];
export interface Examples {
  readonly positive: readonly Example[];
  readonly negative: readonly Example[];
}

/** Called as often as the recipe likes, cheap to call. */
export type OnProgress = (stage: string, done: number, total: number) => void;

/** What states the concept, and what it is told apart from: `ContrastTerms`. */
export interface RecipeContext extends ContrastTerms {
  readonly model: LoadedModel;
  /** The user's own, or undefined for the recipe's default. */
  readonly statements?: Statements | undefined;
  /** For the recipe that reads them. */
  readonly examples?: Examples | undefined;
  /** Offset from the end of the token read (-1: the last), or undefined for the recipe's own choice. */
  readonly token?: number | undefined;
  /** Which labels the method will take. */
  readonly labels: Labels;
  /** Tokens per answer, for recipes that have the model answer. */
  readonly maxTokens: number;
  /** How many texts of each side recipe `texts` has written, or undefined for its own number. */
  readonly texts?: number | undefined;
  /** Unsigned 32-bit; recipes that draw anything draw it from here. */
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/** How each layer attends to the concept: what a fit chooses its layers by. */
export interface LayerAttention {
  /** [L] share of heads that attend significantly to the concept. */
  readonly significantHeads: readonly number[];
  /** [L] attention to the concept, mean over heads. */
  readonly mean: readonly number[];
}

export interface LabelledFeatures {
  /** n: examples, the same at every layer. */
  readonly n: number;
  /** H */
  readonly hiddenSize: number;
  /** [L] of [n * H]: row i of layer l is example i's feature vector there. */
  readonly layers: readonly Float32Array[];
  /** [n] 1 with the concept, 0 without. */
  readonly labels: Float32Array;
  /** [L] of [n] labels between 0 and 1, or null for a recipe that has none. */
  readonly softLabels: readonly Float32Array[] | null;
  /** [L] mean L2 norm of the block outputs at the tokens read. */
  readonly residualNorms: Float32Array;
  /** How layers attend to the concept, or null for a recipe that does not read it. */
  readonly attention: LayerAttention | null;
  /** [L] for the layers' records, or null. JSON values only. */
  readonly layerDetails: readonly Readonly<Record<string, unknown>>[] | null;
  /** For the concept's record. JSON values only; the same request gives the same details. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** What a fit is checked by before it is queued. */
export type RecipeRequest = Pick<
  RecipeContext,
  keyof ContrastTerms | 'model' | 'statements' | 'examples' | 'token' | 'maxTokens' | 'labels' | 'texts'
>;

export interface Recipe {
  /**
   * Refuses what cannot work, as far as the longest prompt (in characters) shows it: it takes the time of one prompt.
   * @throws SteerdError what `collect` would throw for that prompt.
   */
  readonly check: (request: RecipeRequest) => void;
  /**
   * Runs the prompts, as background work, and reads them.
   * @throws SteerdError fit_impossible, context_length_exceeded, invalid_value when the model or the texts do not allow
   *   it; the signal's reason when aborted. Nothing is left running either way.
   */
  readonly collect: (context: RecipeContext) => Promise<LabelledFeatures>;
}
