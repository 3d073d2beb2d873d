/** How a concept is stated to a chat model: as a system message where the template has that role. */
import type { LoadedModel } from '../../models/model.js';
import type { ChatMessage } from '../../text/chat-template.js';
import { encodePrompt, pieceCharacters, renderPrompt, tokenSpan } from './prompt-parts.js';

/** `user`: before the question, for templates that refuse or drop a system message. */
export type ConceptRole = 'system' | 'user';

interface Stated {
  readonly prefix: string;
  readonly role: ConceptRole;
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

/** Messages of one question, with the concept stated or not. */
function questionMessages(question: string, stated: Stated | null): ChatMessage[] {
  const asked: ChatMessage[] = [{ role: 'user', content: question }];
  return stated === null ? asked : statedMessages(asked, stated);
}

/** A chat that states the concept before anything else: in its first message of that role, or in one of its own. */
export function statedMessages(messages: readonly ChatMessage[], { prefix, role }: Stated): ChatMessage[] {
  const carrier = messages.findIndex((message) => message.role === role);
  if (carrier < 0) return [{ role, content: prefix }, ...messages];
  return messages.map((message, index) =>
    index === carrier ? { ...message, content: `${prefix}\n\n${message.content}` } : message,
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
  return tokenSpan(model, prompt, pieceCharacters(render, stated.prefix, 'the prefix'));
}
