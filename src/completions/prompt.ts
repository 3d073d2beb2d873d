/** From messages or texts to the prompt's token ids; how long the answer may be in the rest of the context. */
import type { ModelShape } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import type { ChatMessage } from '../schemas/chat.js';
import type { CompletionRequest } from '../schemas/completions.js';
import { encodeText } from '../text/tokenizer.js';
import type { Conversation, NeutralRequest } from './neutral-request.js';
import {
  markEnd,
  rendered,
  templateMessages,
  upToMark,
  wellFormed,
  writer,
  writtenDeep,
} from './template-messages.js';

/** An upper bound in practice: a longer text cannot fit the context and is refused before it is tokenised. */
const charactersPerToken = 64;

function boundCharacters(param: string, characters: number, { capacity }: ModelShape): void {
  const limit = capacity * charactersPerToken;
  if (characters > limit) throw errors.promptTooLong(param, characters, limit, capacity);
}

/**
 * The prompts of a request as token ids: one of a conversation, one or more of a text completion.
 * @param most prompts that the request may have
 * @throws SteerdError as chatPrompt and textPrompts do
 */
export async function encodePrompts(
  { fields, prompt }: Pick<NeutralRequest, 'fields' | 'prompt'>,
  model: LoadedModel,
  most: number,
): Promise<readonly (readonly number[])[]> {
  return prompt.kind === 'chat'
    ? [await chatPrompt(model, prompt.messages, prompt, fields.prompt)]
    : textPrompts(model, prompt.texts, most, fields.prompt, prompt.specialTokens);
}

/**
 * Token ids of a conversation, rendered by the model's template.
 * @param field the request's, for errors
 * @throws SteerdError chat_template_missing, context_length_exceeded (by characters), or what the template refuses
 */
export async function chatPrompt(
  model: LoadedModel,
  messages: readonly ChatMessage[],
  conversation: ChatPromptOptions = {},
  field = 'messages',
): Promise<number[]> {
  const text = chatPromptText(model, messages, conversation, field);
  return encodeText(model.tokenizer, text, { addSpecialTokens: false });
}

export type ChatPromptOptions = Partial<Omit<Conversation, 'messages'>>;

/**
 * The same as text, to be encoded without the tokenizer's own special tokens: those in it are the template's. Those that
 * messages spell are marked (text/literal-text.ts).
 */
export function chatPromptText(
  { id, chatTemplate, engine, tokenizer }: LoadedModel,
  messages: readonly ChatMessage[],
  { ends = 'generation-prompt', tools = [], variables = {}, parseSpecial = false }: ChatPromptOptions,
  field: string,
): string {
  if (chatTemplate === null) throw errors.chatTemplateMissing(field, id);
  // A template walks every message on this thread: some 50 us each.
  const { capacity } = engine.shape;
  if (messages.length > capacity) throw errors.tooManyMessages(field, messages.length, capacity);
  const write = writer(tokenizer, parseSpecial);
  const plain = templateMessages(chatTemplate, messages, tools, write);
  const characters = plain.reduce(
    (sum, { content, reasoning_content: reasoning }) => sum + content.length + (reasoning?.length ?? 0),
    0,
  );
  boundCharacters(field, characters, engine.shape);
  if (tools.length > 0) boundCharacters('tools', JSON.stringify(tools).length, engine.shape);
  const told =
    chatTemplate.takesTools && tools.length > 0
      ? { ...variables, tools: writtenDeep(tools, write) }
      : variables;
  const options = { addGenerationPrompt: ends === 'generation-prompt', variables: told, field };
  const within = ends === 'within-last-message';
  const text = rendered(within ? markEnd(plain) : plain, (form) => chatTemplate.render(form, options));
  // With whatever else the template has put in.
  boundCharacters(field, text.length, engine.shape);
  return within ? upToMark(text) : text;
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
  addSpecialTokens = true,
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
    tokens.push(await encodeText(model.tokenizer, wellFormed(entry), { addSpecialTokens }, length));
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
 * How many tokens the answer may have: what was asked for, as far as there is room.
 * @param param the prompt's field
 * @throws SteerdError prompt_empty, context_length_exceeded
 */
export function answerLength(
  param: string,
  promptLength: number,
  { engine, answerTokens }: Pick<LoadedModel, 'engine' | 'answerTokens'>,
  { answer, fields }: NeutralRequest,
): number {
  const { capacity } = engine.shape;
  if (promptLength === 0) throw errors.promptEmpty(param);
  const { asked, usual } = answer.maxTokens;
  const room = capacity - promptLength;
  const needed = answer.overflow === 'error' ? (asked ?? 1) : 1;
  if (needed <= room) return Math.min(asked ?? usual ?? (answerTokens || room), room);
  throw errors.contextLengthExceeded(param, promptLength, needed, capacity, fields.maxTokens);
}
