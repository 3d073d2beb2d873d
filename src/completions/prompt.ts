/** From messages or texts to the prompt's token ids; how long the answer may be in the rest of the context. */
import type { ModelShape } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import type { ChatMessage } from '../schemas/chat.js';
import type { CompletionRequest } from '../schemas/completions.js';
import type { Tool } from '../schemas/tools.js';
import type { ChatMessage as TemplateMessage } from '../text/chat-template.js';
import { encodeText } from '../text/tokenizer.js';
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

const contentText = ({ content }: ChatMessage) => wellFormed(partsText(content ?? ''));

const roleOf = ({ role }: ChatMessage) =>
  role === 'developer' ? 'system' : role === 'function' ? 'tool' : role;

/** A message as templates take it, without what it says of tools. */
export function plainMessage(message: ChatMessage): TemplateMessage {
  const reasoning = message.reasoning_content ?? message.reasoning;
  return {
    role: roleOf(message),
    content: contentText(message),
    ...(reasoning && message.role === 'assistant' ? { reasoning_content: wellFormed(reasoning) } : {}),
  };
}

/** For a template that knows tools: arguments as objects, as templates write them (transformers, "Tool use"). */
function withCalls(message: ChatMessage): TemplateMessage {
  const { tool_calls, tool_call_id } = message;
  return {
    ...plainMessage(message),
    ...(tool_call_id ? { tool_call_id } : {}),
    ...(tool_calls
      ? {
          tool_calls: tool_calls.map(({ id, function: { name, arguments: args } }) => ({
            id,
            type: 'function',
            function: { name, arguments: parsedArguments(args) },
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
function callsAsText(message: ChatMessage, format: ToolFormat): TemplateMessage {
  const { content, ...plain } = plainMessage(message);
  if (plain.role === 'tool') {
    return { role: 'user', content: `<tool_response>\n${content}\n</tool_response>` };
  }
  const calls = (message.tool_calls ?? []).map(({ function: { name, arguments: args } }) => ({
    name: wellFormed(name),
    args: wellFormed(args),
  }));
  const parts = [content, callsText(format, calls)];
  return { ...plain, content: parts.filter((part) => part !== '').join('\n') };
}

/** The tools at the end of the system message, which is made if there is none. */
function described(
  messages: readonly TemplateMessage[],
  tools: readonly Tool[],
  format: ToolFormat,
): readonly TemplateMessage[] {
  if (tools.length === 0) return messages;
  const instructions = wellFormed(toolInstructions(tools, format));
  const [first, ...rest] = messages;
  if (first?.role !== 'system') return [{ role: 'system', content: instructions }, ...messages];
  return [{ ...first, content: `${first.content}\n\n${instructions}` }, ...rest];
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
    : textPrompts(model, prompt.texts, most, fields.prompt);
}

/**
 * Token ids of a conversation, rendered by the model's template.
 * @param field the request's, for errors
 * @throws SteerdError chat_template_missing, context_length_exceeded (by characters), or what the template refuses
 */
export async function chatPrompt(
  model: LoadedModel,
  messages: readonly ChatMessage[],
  { ends = 'generation-prompt', tools = [], variables = {} }: Partial<Omit<Conversation, 'messages'>> = {},
  field = 'messages',
): Promise<number[]> {
  if (model.chatTemplate === null) throw errors.chatTemplateMissing(field, model.id);
  // A template walks every message on this thread: some 50 us each.
  const { capacity } = model.engine.shape;
  if (messages.length > capacity) throw errors.tooManyMessages(field, messages.length, capacity);
  const format = toolFormat[model.chatTemplate.toolFormat ?? 'hermes'];
  const plain = model.chatTemplate.takesTools
    ? messages.map(withCalls)
    : described(
        messages.map((message) => callsAsText(message, format)),
        tools,
        format,
      );
  const characters = plain.reduce(
    (sum, { content, reasoning_content: reasoning }) => sum + content.length + (reasoning?.length ?? 0),
    0,
  );
  boundCharacters(field, characters, model.engine.shape);
  const rendered = model.chatTemplate.render(plain, {
    addGenerationPrompt: ends === 'generation-prompt',
    variables: model.chatTemplate.takesTools && tools.length > 0 ? { ...variables, tools } : variables,
    field,
  });
  const prompt = ends === 'within-last-message' ? upToFinal(rendered, plain.at(-1)) : rendered;
  return encodeText(model.tokenizer, prompt, { addSpecialTokens: false });
}

/** The prompt without what the template puts after its last message: the answer goes on with it. */
function upToFinal(rendered: string, final: { role: string; content: string } | undefined): string {
  const content = final?.content.trimEnd() ?? '';
  const at = rendered.lastIndexOf(content);
  if (final?.role !== 'assistant' || content === '' || at < 0) {
    throw errors.invalidRequest(
      "continue_final_message needs a last message of the assistant with text that the model's chat template keeps as it is.",
      'continue_final_message',
    );
  }
  return rendered.slice(0, at + content.length);
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
 * @param param the prompt's field
 * @throws SteerdError prompt_empty, context_length_exceeded
 */
export function answerLength(
  param: string,
  promptLength: number,
  { capacity }: ModelShape,
  { answer, fields }: NeutralRequest,
): number {
  if (promptLength === 0) throw errors.promptEmpty(param);
  const { asked, usual } = answer.maxTokens;
  const room = capacity - promptLength;
  const needed = asked ?? 1;
  if (needed <= room) return asked ?? Math.min(usual, room);
  throw errors.contextLengthExceeded(param, promptLength, needed, capacity, fields.maxTokens);
}
