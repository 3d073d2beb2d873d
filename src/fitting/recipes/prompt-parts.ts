/**
 * Which characters and which tokens of a rendered prompt come from a piece of its messages, for any chat template and
 * any tokenizer: found by comparing renderings and encodings, with no knowledge of either.
 */
import { commonLength } from '../../common/common-length.js';
import { errors } from '../../errors.js';
import type { LoadedModel } from '../../models/model.js';
import type { ChatMessage } from '../../text/chat-template.js';
import { literalText } from '../../text/tokenizer.js';

export interface Prompt {
  readonly text: string;
  readonly tokens: readonly number[];
}

interface RenderOptions {
  readonly addGenerationPrompt: boolean;
}

/**
 * Messages as the model reads them; special tokens that they spell are text, marked for `encodePrompt`.
 * @throws SteerdError fit_impossible for a model without a chat template; what the template itself refuses.
 */
export function renderPrompt(
  model: LoadedModel,
  messages: readonly ChatMessage[],
  { addGenerationPrompt }: RenderOptions = { addGenerationPrompt: true },
): string {
  if (model.chatTemplate === null) {
    throw errors.fitImpossible(`model ${model.id} has no chat template, and the recipe has it read chats`);
  }
  // Reasoning models answer at once: the answer is what is read. Other templates ignore the variable.
  const told = messages.map((message) => ({
    ...message,
    content: literalText(model.tokenizer, message.content),
  }));
  return model.chatTemplate.render(told, { addGenerationPrompt, variables: { enable_thinking: false } });
}

/** The template has written the special tokens already. */
export function encodePrompt(model: LoadedModel, text: string): Prompt {
  return { text, tokens: model.tokenizer.encode(text, { addSpecialTokens: false }) };
}

/**
 * Characters [start, end) of `render(piece)` that are the piece, without the spaces around it.
 * @throws SteerdError fit_impossible when the template writes the piece otherwise, `what` says which.
 */
export function pieceCharacters(
  { tokenizer }: LoadedModel,
  render: (piece: string) => string,
  piece: string,
  what: string,
): [start: number, end: number] {
  const text = render(piece);
  const trimmed = literalText(tokenizer, piece.trim());
  const other = ['a', 'b', 'c'].find((letter) => letter !== piece[0] && letter !== trimmed[0]) as string;
  // What differs with the piece begins where the piece begins.
  const start = text.indexOf(trimmed, commonLength(text, render(other)));
  if (start < 0) throw errors.fitImpossible(`the model's chat template changes the text of ${what}`);
  return [start, start + trimmed.length];
}

/**
 * Tokens [start, end) of the characters [from, to): a token that reaches over an edge belongs to what follows
 * the edge.
 */
export function tokenSpan(
  model: LoadedModel,
  { text, tokens }: Prompt,
  [from, to]: readonly [number, number],
): [start: number, end: number] {
  const before = (characters: number) =>
    commonLength(tokens, encodePrompt(model, text.slice(0, characters)).tokens);
  return [before(from), before(to)];
}

/**
 * How many closing tokens every prompt has: those of the generation prompt and the last one of the user's turn, as in
 * the paper's code (`get_n_common_toks` of utils.py).
 */
export function closingTokens(model: LoadedModel): number {
  const tokens = (addGenerationPrompt: boolean) =>
    encodePrompt(model, renderPrompt(model, [{ role: 'user', content: 'Hello.' }], { addGenerationPrompt }))
      .tokens;
  const whole = tokens(true);
  return whole.length - commonLength(whole, tokens(false)) + 1;
}

/** The text with the most characters. */
export const longest = (texts: readonly string[]): string =>
  texts.reduce((most, text) => (text.length > most.length ? text : most), '');
