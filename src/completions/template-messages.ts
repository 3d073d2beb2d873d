/** Messages as a chat template takes them: what they say of tools, and what stands in for what a template refuses. */
import { errors } from '../errors.js';
import { isDeeperThan, mostJsonDepth } from '../http/json-depth.js';
import type { ChatMessage } from '../schemas/chat.js';
import type { Tool } from '../schemas/tools.js';
import type { ChatTemplate, ChatMessage as TemplateMessage } from '../text/chat-template.js';
import { literalText, type Tokenizer } from '../text/tokenizer.js';
import { callsText, type ToolFormat, toolFormat } from './tool-formats.js';
import { toolInstructions } from './tools.js';

/** Replaces lone UTF-16 surrogates by U+FFFD, as UTF-8 encoders do. */
export const wellFormed = (text: string) => text.replace(/\p{Surrogate}/gu, '\ufffd');

/** The text of a message's content, which may be a list of parts. */
export const partsText = (content: string | readonly { readonly text: string }[]): string =>
  typeof content === 'string' ? content : content.map(({ text }) => text).join('\n');

const roleOf = ({ role }: ChatMessage) =>
  role === 'developer' ? 'system' : role === 'function' ? 'tool' : role;

/** How a text of the request is written into the prompt. */
export type Write = (text: string) => string;

/** @param parseSpecial whether special tokens that the text spells are those tokens */
export const writer = (tokenizer: Tokenizer, parseSpecial: boolean): Write =>
  parseSpecial ? wellFormed : (text) => literalText(tokenizer, wellFormed(text));

/** Every string in a JSON value. */
export function writtenDeep(value: unknown, write: Write): unknown {
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

/** Arguments that are too deep stay the text that they are. */
function parsedArguments(args: string): unknown {
  if (isDeeperThan(args, mostJsonDepth)) return args;
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

/** The messages, with the tools where the template itself does not write them. */
export function templateMessages(
  { takesTools, toolFormat: form = 'hermes' }: ChatTemplate,
  messages: readonly ChatMessage[],
  tools: readonly Tool[],
  write: Write,
): readonly TemplateMessage[] {
  if (takesTools) return messages.map((message) => withCalls(message, write));
  const format = toolFormat[form];
  const plain = messages.map((message) => callsAsText(message, format, write));
  return described(plain, tools, format, write);
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
export function rendered(
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

/** A noncharacter that stands where the last message ends: no template changes it, or knows it for a space. */
const endMark = '\ufdd1';

/** @throws SteerdError unless the last message is the assistant's, with text */
export function markEnd(messages: readonly TemplateMessage[]): readonly TemplateMessage[] {
  const last = messages.at(-1);
  if (last?.role !== 'assistant' || last.content.trim() === '') throw errors.nothingToContinue();
  const plain = messages.map((message) => ({ ...message, content: message.content.replaceAll(endMark, '') }));
  return [...plain.slice(0, -1), { ...last, content: `${last.content.replaceAll(endMark, '')}${endMark}` }];
}

/** The prompt without what the template puts after its last message: the answer goes on with it. */
export function upToMark(prompt: string): string {
  const at = prompt.lastIndexOf(endMark);
  if (at < 0) throw errors.nothingToContinue();
  return prompt.slice(0, at).replaceAll(endMark, '');
}
