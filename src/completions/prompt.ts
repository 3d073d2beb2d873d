/** From messages or prompts to token ids, and from the room that is left to how long the answer may be. */
import type { ModelShape } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import type { ChatMessage } from '../schemas/chat.js';
import type { CompletionRequest } from '../schemas/completions.js';
import { encodeText } from '../text/tokenizer.js';

/** A token is rarely longer: a text beyond it cannot fit the context and is refused before it is tokenised. */
const charactersPerToken = 64;

/** A UTF-16 half alone is no character: U+FFFD takes its place, as in any decoder of UTF-8. */
const wellFormed = (text: string) => text.replace(/\p{Surrogate}/gu, '\ufffd');

function boundCharacters(param: string, characters: number, { capacity }: ModelShape): void {
  const limit = capacity * charactersPerToken;
  if (characters > limit) throw errors.promptTooLong(param, characters, limit, capacity);
}

function contentText({ content }: ChatMessage): string {
  return wellFormed(typeof content === 'string' ? content : content.map(({ text }) => text).join('\n'));
}

/**
 * Token ids of a conversation, rendered by the model's template: up to where the answer begins, or without the
 * generation prompt.
 * @throws SteerdError chat_template_missing, context_length_exceeded (by characters), or what the template refuses
 */
export async function chatPrompt(
  model: LoadedModel,
  messages: readonly ChatMessage[],
  addGenerationPrompt = true,
): Promise<number[]> {
  if (model.chatTemplate === null) throw errors.chatTemplateMissing(model.id);
  // A template walks every message on this thread: some 50 us each.
  const { capacity } = model.engine.shape;
  if (messages.length > capacity) throw errors.tooManyMessages(messages.length, capacity);
  const plain = messages.map((message) => ({
    role: message.role === 'developer' ? 'system' : message.role,
    content: contentText(message),
  }));
  const characters = plain.reduce((sum, { content }) => sum + content.length, 0);
  boundCharacters('messages', characters, model.engine.shape);
  const rendered = model.chatTemplate.render(plain, { addGenerationPrompt });
  return encodeText(model.tokenizer, rendered, { addSpecialTokens: false });
}

/**
 * Token ids of each prompt of a text completion.
 * @param most prompts that the request may have
 * @param field the request's field, for errors
 * @throws SteerdError prompt_empty, token_out_of_range, context_length_exceeded (by characters)
 */
export async function textPrompts(
  model: LoadedModel,
  prompt: CompletionRequest['prompt'],
  most: number,
  field = 'prompt',
): Promise<(readonly number[])[]> {
  const { shape } = model.engine;
  const single = typeof prompt === 'string' || typeof prompt[0] === 'number';
  const prompts = (single ? [prompt] : prompt) as readonly (string | readonly number[])[];
  if (prompts.length === 0) throw errors.promptEmpty(field);
  if (prompts.length > most) {
    throw errors.invalidRequest(
      `${field} must be a list of at most ${most} prompts; received ${prompts.length}.`,
      field,
    );
  }
  const length = prompts.reduce((sum, entry) => sum + (typeof entry === 'string' ? entry.length : 0), 0);
  const tokens: (readonly number[])[] = [];
  for (const [i, entry] of prompts.entries()) {
    const param = single ? field : `${field}.${i}`;
    if (typeof entry !== 'string') {
      checkTokens(param, entry, shape);
      tokens.push(entry);
      continue;
    }
    boundCharacters(param, entry.length, shape);
    tokens.push(await encodeText(model.tokenizer, wellFormed(entry), { addSpecialTokens: true }, length));
  }
  return tokens;
}

/** @throws SteerdError token_out_of_range */
export function checkTokens(param: string, tokens: readonly number[], { vocabularySize }: ModelShape): void {
  for (const token of tokens) {
    if (token < 0 || token >= vocabularySize) throw errors.tokenOutOfRange(param, token, vocabularySize);
  }
}

/**
 * How many tokens the answer may have.
 * @param asked what the request says, if it does
 * @param usual for a request that does not say; at most the room that is left
 * @throws SteerdError prompt_empty, context_length_exceeded
 */
export function answerLength(
  param: string,
  promptLength: number,
  { capacity }: ModelShape,
  asked: number | undefined,
  usual: number,
): number {
  if (promptLength === 0) throw errors.promptEmpty(param);
  const room = capacity - promptLength;
  const needed = asked ?? 1;
  if (needed > room) throw errors.contextLengthExceeded(param, promptLength, needed, capacity);
  return asked ?? Math.min(usual, room);
}
