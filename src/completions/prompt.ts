/** From messages or texts to the prompt's token ids; how long the answer may be in the rest of the context. */
import type { ModelShape } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import type { ChatMessage } from '../schemas/chat.js';
import type { CompletionRequest } from '../schemas/completions.js';
import type { Tool } from '../schemas/tools.js';
import type { ChatMessage as TemplateMessage } from '../text/chat-template.js';
import { encodeText, literalText, type Tokenizer } from '../text/tokenizer.js';
import type { Conversation, NeutralRequest } from './neutral-request.js';
import { callsText, type ToolFormat, toolFormat } from './tool-formats.js';
import { toolInstructions } from './tools.js';

/** An upper bound in practice: a longer text cannot fit the context and is refused before it is tokenised. */
const charactersPerToken = 64;

/** Replaces lone UTF-16 surrogates by U+FFFD, as UTF-8 encoders do. */
export const wellFormed = (text: string) => text.replace(/\p{Surrogate}/gu, '\ufffd');

function boundCharacters(param: string, characters: number, { capacity }: ModelShape): void {
  const limit = capacity * charactersPerToken;
  if (characters > limit) throw errors.promptTooLong(param, characters, limit, capacity);
}

/** The text of a message's content, which may be a list of parts. */
export const partsText = (content: string | readonly { readonly text: string }[]): string =>
  typeof content === 'string' ? content : content.map(({ text }) => text).join('\n');

const roleOf = ({ role }: ChatMessage) =>
  role === 'developer' ? 'system' : role === 'function' ? 'tool' : role;

/** How a text of the request is written into the prompt. */
type Write = (text: string) => string;

/** @param parseSpecial whether special tokens that the text spells are those tokens */
const writer = (tokenizer: Tokenizer, parseSpecial: boolean): Write =>
  parseSpecial ? wellFormed : (text) => literalText(tokenizer, wellFormed(text));

/** Every string in a JSON value. */
function writtenDeep(value: unknown, write: Write): unknown {
  if (typeof value === 'string') return write(value);
  if (Array.isArray(value)) return value.map((item) => writtenDeep(item, write));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [write(key), writtenDeep(inner, write)]),
  );
}

const contentText = ({ content }: ChatMessage, write: Write) => write(partsText(content ?? ''));

/** A message as templates take it, without what it says of tools. */
function plainMessage(message: ChatMessage, write: Write): TemplateMessage {
  const reasoning = message.reasoning_content ?? message.reasoning;
  return {
    role: roleOf(message),
    content: contentText(message, write),
    ...(reasoning && message.role === 'assistant' ? { reasoning_content: write(reasoning) } : {}),
  };
}

/** For a template that knows tools: arguments as objects, as templates write them (transformers, "Tool use"). */
function withCalls(message: ChatMessage, write: Write): TemplateMessage {
  const { tool_calls, tool_call_id } = message;
  return {
    ...plainMessage(message, write),
    ...(tool_call_id ? { tool_call_id } : {}),
    ...(tool_calls
      ? {
          tool_calls: tool_calls.map(({ id, function: { name, arguments: args } }) => ({
            id,
            type: 'function',
            function: { name: write(name), arguments: writtenDeep(parsedArguments(args), write) },
          })),
        }
      : {}),
  };
}

function parsedArguments(args: string): unknown {
  try {
    return JSON.parse(args);
  } catch {
    return args;
  }
}

/** For a template without tools: calls as text, their results as messages of the user. */
function callsAsText(message: ChatMessage, format: ToolFormat, write: Write): TemplateMessage {
  const { content, ...plain } = plainMessage(message, write);
  if (plain.role === 'tool') {
    return { role: 'user', content: `<tool_response>\n${content}\n</tool_response>` };
  }
  const calls = (message.tool_calls ?? []).map(({ function: { name, arguments: args } }) => ({
    name: write(name),
    args: write(args),
  }));
  const parts = [content, callsText(format, calls)];
  return { ...plain, content: parts.filter((part) => part !== '').join('\n') };
}

/** The tools at the end of the system message, which is made if there is none. */
function described(
  messages: readonly TemplateMessage[],
  tools: readonly Tool[],
  format: ToolFormat,
  write: Write,
): readonly TemplateMessage[] {
  if (tools.length === 0) return messages;
  const instructions = write(toolInstructions(tools, format));
  const [first, ...rest] = messages;
  if (first?.role !== 'system') return [{ role: 'system', content: instructions }, ...messages];
  return [{ ...first, content: `${first.content}\n\n${instructions}` }, ...rest];
}

const joined = (...contents: readonly string[]) => contents.filter((content) => content !== '').join('\n\n');

/** Without system messages: each stands before the text of the user's message after it. */
function systemInUser(messages: readonly TemplateMessage[]): readonly TemplateMessage[] {
  const folded: TemplateMessage[] = [];
  let held: string[] = [];
  for (const message of messages) {
    if (message.role === 'system') held.push(message.content);
    else if (message.role !== 'user' || held.length === 0) folded.push(message);
    else {
      folded.push({ ...message, content: joined(...held, message.content) });
      held = [];
    }
  }
  return held.length === 0 ? folded : [...folded, { role: 'user', content: joined(...held) }];
}

/** Neighbours of one role as one message; those with calls, or that answer one, stay. */
function merged(messages: readonly TemplateMessage[]): readonly TemplateMessage[] {
  const whole: TemplateMessage[] = [];
  for (const message of messages) {
    const last = whole.at(-1);
    const plain = (one: TemplateMessage) => one.tool_calls === undefined && one.role !== 'tool';
    if (last?.role !== message.role || !plain(last) || !plain(message)) whole.push(message);
    else whole[whole.length - 1] = { ...last, content: joined(last.content, message.content) };
  }
  return whole;
}

/**
 * The messages as the template takes them: as they are, or, where it refuses them (no system message, strictly in turns),
 * with the same texts in messages that it may take.
 * @throws SteerdError what the template says of the messages as they are
 */
function rendered(
  messages: readonly TemplateMessage[],
  render: (messages: readonly TemplateMessage[]) => string,
): string {
  let refusal: unknown;
  for (const form of [messages, merged(messages), merged(systemInUser(messages))]) {
    try {
      return render(form);
    } catch (error) {
      refusal ??= error;
    }
  }
  throw refusal;
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
  const format = toolFormat[chatTemplate.toolFormat ?? 'hermes'];
  const plain = chatTemplate.takesTools
    ? messages.map((message) => withCalls(message, write))
    : described(
        messages.map((message) => callsAsText(message, format, write)),
        tools,
        format,
        write,
      );
  const characters = plain.reduce(
    (sum, { content, reasoning_content: reasoning }) => sum + content.length + (reasoning?.length ?? 0),
    0,
  );
  boundCharacters(field, characters, engine.shape);
  const told =
    chatTemplate.takesTools && tools.length > 0
      ? { ...variables, tools: writtenDeep(tools, write) }
      : variables;
  const options = { addGenerationPrompt: ends === 'generation-prompt', variables: told, field };
  if (ends === 'within-last-message') {
    const marked = markEnd(plain);
    return upToMark(rendered(marked, (form) => chatTemplate.render(form, options)));
  }
  return rendered(plain, (form) => chatTemplate.render(form, options));
}

/** A noncharacter that stands where the last message ends: no template changes it, or knows it for a space. */
const endMark = '\ufdd1';

/** @throws SteerdError unless the last message is the assistant's, with text */
function markEnd(messages: readonly TemplateMessage[]): readonly TemplateMessage[] {
  const last = messages.at(-1);
  if (last?.role !== 'assistant' || last.content.trim() === '') throw errors.nothingToContinue();
  const plain = messages.map((message) => ({ ...message, content: message.content.replaceAll(endMark, '') }));
  return [...plain.slice(0, -1), { ...last, content: `${last.content.replaceAll(endMark, '')}${endMark}` }];
}

/** The prompt without what the template puts after its last message: the answer goes on with it. */
function upToMark(prompt: string): string {
  const at = prompt.lastIndexOf(endMark);
  if (at < 0) throw errors.nothingToContinue();
  return prompt.slice(0, at).replaceAll(endMark, '');
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
