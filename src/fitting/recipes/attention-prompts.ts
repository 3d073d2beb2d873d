/** The prompts of recipe `attention`: rendered and checked, all of them, before the first is run. */
import { periodicYield } from '../../common/yielding.js';
import { errors } from '../../errors.js';
import type { LoadedModel } from '../../models/model.js';
import { contrastOf, negativeSide } from '../contrast/contrast.js';
import { defaultStatements } from '../statements/index.js';
import {
  closingTokens,
  encodePrompt,
  longest,
  type Prompt,
  pieceCharacters,
  renderPrompt,
  tokenSpan,
} from './prompt-parts.js';
import { type Reading, sharedTokens } from './reading.js';
import type { RecipeContext, RecipeRequest, Statements } from './recipe.js';
import { candidateOffsets } from './token-selection.js';

/** The question around a statement. Two spaces after the prefix and one before the line break, as in the paper. */
const question = (statement: string) =>
  `What are your thoughts on the following statement? \nStatement: ${statement}`;
const prefixed = (prefix: string, statement: string) => `${prefix}  ${question(statement)}`;

/** Captures of positives that were selected on are kept for their features, at every candidate token. */
const mostSelection = 512;

/** Prompts without any prefix that a head's attention is compared with, at least. */
const fewestBare = 24;

export interface Prompts {
  readonly positive: readonly Reading[];
  /** In the statements' order. */
  readonly negative: readonly (Reading & { readonly bare: boolean })[];
  /** Bare prompts beside the negatives, where too few of those are bare to compare attention with. */
  readonly compared: readonly Reading[];
  /**
   * What tokens are selected on: every second statement of both sides, with the prefix, or as many evenly spread ones as
   * `mostSelection`. Some are positives, by index.
   */
  readonly selection: readonly (Reading | { readonly positive: number })[];
  /** The candidate tokens, as offsets from a prompt's end. */
  readonly offsets: readonly number[];
}

const othersWithStatement = 'a message of the contrast with a statement of statements.negative';

/** The request's statements or our own. */
export const statementsOf = ({ statements }: Pick<RecipeRequest, 'statements'>): Statements =>
  statements ?? defaultStatements;

/** @throws SteerdError context_length_exceeded when the longest prompt, by characters, does not fit. */
export function checkLongest(request: RecipeRequest): void {
  const { model, token } = request;
  const { own, others } = contrastOf(request);
  const { positive, negative } = statementsOf(request);
  const { capacity } = model.engine.shape;
  const checkLength = (prefix: string, statement: string, what: string) => {
    const { tokens } = encodePrompt(
      model,
      renderPrompt(model, [{ role: 'user', content: prefixed(prefix, statement) }]),
    );
    if (tokens.length > capacity) throw errors.contextLengthExceeded(what, tokens.length, 0, capacity);
  };
  // The candidates are chosen among on statements of both sides, all with the prefix.
  const statement = longest(token === undefined ? [...positive, ...negative] : positive);
  checkLength(own, statement, 'prefix with a statement');
  if (others.length > 0) checkLength(longest(others), longest(negative), othersWithStatement);
}

/** Renders and checks every prompt before the first is run. */
export async function allPrompts(context: RecipeContext): Promise<Prompts> {
  const { model, token } = context;
  const contrast = contrastOf(context);
  const prefix = contrast.own;
  const { capacity } = model.engine.shape;
  const yieldIfDue = periodicYield(context.signal);
  const { positive, negative } = statementsOf(context);
  const offsets = token === undefined ? candidateOffsets(closingTokens(model)) : [token];
  const encode = async (content: string, what: string): Promise<Prompt> => {
    const prompt = encodePrompt(model, renderPrompt(model, [{ role: 'user', content }]));
    const { length } = prompt.tokens;
    if (length > capacity) throw errors.contextLengthExceeded(what, length, 0, capacity);
    if (length < -(offsets[0] as number))
      throw errors.invalidValue(
        'token',
        `at least ${-length}, the length of the shortest prompt`,
        offsets[0],
      );
    await yieldIfDue();
    return prompt;
  };
  const first = await encode(prefixed(prefix, positive[0] as string), 'prefix with a statement');
  const span = prefixSpan(model, prefix, first, positive[0] as string);
  const reading = async (content: string, what: string, at = span): Promise<Reading> => {
    const { tokens } = await encode(content, what);
    const positions = offsets.map((offset) => tokens.length + offset);
    // A prompt without the prefix has other text at its place, to compare with: as far as the tokens read.
    const end = Math.min(at[1], positions[0] as number);
    return { tokens, positions, span: [Math.min(at[0], end), end] };
  };
  const positives: Reading[] = [];
  for (const statement of positive)
    positives.push(
      await reading(prefixed(prefix, statement), 'prefix with a statement of statements.positive'),
    );
  const side = negativeSide(contrast, negative.length);
  const negatives: Reading[] = [];
  for (const [index, statement] of negative.entries()) {
    const other = contrast.others[side[index] ?? -1];
    if (other === undefined) {
      negatives.push(await reading(question(statement), 'a statement of statements.negative'));
      continue;
    }
    const content = prefixed(other, statement);
    const prompt = await encode(content, othersWithStatement);
    negatives.push(await reading(content, othersWithStatement, prefixSpan(model, other, prompt, statement)));
  }
  const compared: Reading[] = [];
  const missing = fewestBare - side.filter((other) => other === null).length;
  if (contrast.kind !== 'none') {
    for (const statement of negative.slice(0, Math.max(0, missing)))
      compared.push(await reading(question(statement), 'a statement of statements.negative'));
  }
  const selection: Prompts['selection'][number][] = [];
  if (token === undefined) {
    const every = Math.max(2, Math.ceil((positive.length + negative.length) / mostSelection));
    for (const [index, statement] of [...positive, ...negative].entries()) {
      if (index % every !== 0) continue;
      selection.push(
        index < positive.length
          ? { positive: index }
          : await reading(prefixed(prefix, statement), 'prefix with a statement of statements.negative'),
      );
    }
  }
  const others = selection.filter((prompt): prompt is Reading => 'tokens' in prompt);
  const sharing = (shared: number) => (prompt: Reading) => ({ ...prompt, shared });
  const withPrefix = sharing(sharedTokens([...positives, ...others]));
  // Negatives share more with those of the same message than with all.
  const alike = new Map<number | null, Reading[]>();
  for (const [index, prompt] of negatives.entries()) {
    const other = side[index] ?? null;
    const known = alike.get(other);
    if (known === undefined) alike.set(other, [prompt]);
    else known.push(prompt);
  }
  const shared = new Map([...alike].map(([other, prompts]) => [other, sharedTokens(prompts)]));
  return {
    positive: positives.map(withPrefix),
    negative: negatives.map((prompt, index) => {
      const other = side[index] ?? null;
      return { ...prompt, shared: shared.get(other) ?? 0, bare: other === null };
    }),
    compared: compared.map(sharing(sharedTokens(compared))),
    selection: selection.map((prompt) => ('tokens' in prompt ? withPrefix(prompt) : prompt)),
    offsets,
  };
}

/** Tokens of the prefix in a prompt, with the first of the two spaces after it, as in the paper's code. */
function prefixSpan(model: LoadedModel, prefix: string, prompt: Prompt, statement: string): [number, number] {
  const render = (piece: string) =>
    renderPrompt(model, [{ role: 'user', content: prefixed(piece, statement) }]);
  const [from, to] = pieceCharacters(model, render, prefix, 'the prefix');
  const [start, end] = tokenSpan(model, prompt, [from, to + 1]);
  if (end <= start) {
    throw errors.fitImpossible(
      'the prefix has no token of its own, so no attention to it can be measured',
      'prefix',
    );
  }
  return [start, end];
}
