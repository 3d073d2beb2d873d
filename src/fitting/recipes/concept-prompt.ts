/** How a concept is stated to a chat model: as a system message where the template has that role. */
import type { LoadedModel } from '../../models/model.js';
import type { ChatMessage } from '../../text/chat-template.js';
import { encodePrompt, pieceCharacters, renderPrompt, tokenSpan } from './prompt-parts.js';

/** `user`: before the question, for templates that refuse or drop a system message. */
export type ConceptRole = 'system' | 'user';

export interface Stated {
  readonly prefix: string;
  readonly role: ConceptRole;
  /** What stands before the prefix in the same message; nothing by default. */
  readonly before?: string | undefined;
}

/**
 * Where this model's template can carry the prefix.
 * @throws SteerdError for a model without a chat template.
 */
export function conceptRole(model: LoadedModel, prefix: string): ConceptRole {
  const probe = 'Hello.';
  try {
    const rendered = (stated: Stated | null) => renderPrompt(model, questionMessages(probe, stated));
    return rendered({ prefix, role: 'system' }) === rendered(null) ? 'user' : 'system';
  } catch (error) {
    if (model.chatTemplate === null) throw error;
    return 'user'; // Some templates raise on a system message (Gemma's does).
  }
}

/**
 * The system message that the template writes when a chat brings none; null for a template that writes none. A prefix
 * in its place would differ from a chat without one by more than the concept: put it after this message to compare
 * like with like.
 */
export function defaultSystemMessage(model: LoadedModel): string | null {
  const question: ChatMessage = { role: 'user', content: 'Hello.' };
  const render = (system: string | null) =>
    renderPrompt(model, system === null ? [question] : [{ role: 'system', content: system }, question]);
  try {
    const without = render(null);
    const probe = 'Answer as you like.';
    const stated = render(probe);
    const at = stated.indexOf(probe);
    if (at < 0) return null;
    const [before, after] = [stated.slice(0, at), stated.slice(at + probe.length)];
    if (without.length <= before.length + after.length) return null;
    if (!without.startsWith(before) || !without.endsWith(after)) return null;
    const found = without.slice(before.length, without.length - after.length);
    // What is no message of its own (a date, a knowledge cut-off) renders otherwise when it is given as one.
    return found.trim() !== '' && render(found) === without ? found : null;
  } catch (error) {
    if (model.chatTemplate === null) throw error;
    return null;
  }
}

/** Messages of one question, with the concept stated or not. */
function questionMessages(question: string, stated: Stated | null): ChatMessage[] {
  const asked: ChatMessage[] = [{ role: 'user', content: question }];
  return stated === null ? asked : statedMessages(asked, stated);
}

/** A chat that states the concept before anything else: in its first message of that role, or in one of its own. */
export function statedMessages(
  messages: readonly ChatMessage[],
  { prefix, role, before }: Stated,
): ChatMessage[] {
  const said = before === undefined ? prefix : `${before}\n\n${prefix}`;
  const carrier = messages.findIndex((message) => message.role === role);
  if (carrier < 0) return [{ role, content: said }, ...messages];
  return messages.map((message, index) =>
    index === carrier ? { ...message, content: `${said}\n\n${message.content}` } : message,
  );
}

/** Token ids of one question up to where the answer begins. */
export function questionTokens(
  model: LoadedModel,
  question: string,
  stated: Stated | null,
): readonly number[] {
  return encodePrompt(model, renderPrompt(model, questionMessages(question, stated))).tokens;
}

/** Tokens [start, end) of a question's prompt that state the concept. */
export function statedSpan(
  model: LoadedModel,
  question: string,
  stated: Stated,
): [start: number, end: number] {
  const render = (prefix: string) => renderPrompt(model, questionMessages(question, { ...stated, prefix }));
  const prompt = encodePrompt(model, render(stated.prefix));
  return tokenSpan(model, prompt, pieceCharacters(model, render, stated.prefix, 'the prefix'));
}
