/** The prompts of a measurement: each chat as it is, and the same chat with the concept stated, to judge by. */
import { errors } from '../../errors.js';
import type { LoadedModel } from '../../models/model.js';
import type { ChatMessage } from '../../text/chat-template.js';
import { literalText } from '../../text/tokenizer.js';
import { type ConceptRole, conceptRole, statedMessages } from '../recipes/concept-prompt.js';
import { encodePrompt, renderPrompt } from '../recipes/prompt-parts.js';

export interface PromptPair {
  /** Token ids up to where the answer begins. */
  readonly prompt: readonly number[];
  /** Null when nothing states the concept. */
  readonly stated: readonly number[] | null;
}

interface PromptPairs {
  readonly pairs: readonly PromptPair[];
  /** Where the model's template carries the concept; null when nothing states it. */
  readonly role: ConceptRole | null;
}

/**
 * @param prefix states the concept; '' for none.
 * @throws SteerdError context_length_exceeded; what the template refuses.
 */
export function chatPrompts(
  model: LoadedModel,
  chats: readonly (readonly ChatMessage[])[],
  prefix: string,
  maxTokens: number,
): PromptPairs {
  const role = roleOf(model, prefix);
  const { capacity } = model.engine.shape;
  const tokensOf = (messages: readonly ChatMessage[], field: string) => {
    const tokens = promptTokens(model, messages);
    if (tokens.length + maxTokens <= capacity) return tokens;
    throw errors.contextLengthExceeded(field, tokens.length, maxTokens, capacity);
  };
  const pairs = chats.map((messages) => ({
    prompt: tokensOf(messages, 'a prompt'),
    stated:
      role === null ? null : tokensOf(statedMessages(messages, { prefix, role }), 'prefix with a prompt'),
  }));
  return { pairs, role };
}

function roleOf(model: LoadedModel, prefix: string): ConceptRole | null {
  if (prefix === '') return null;
  return model.chatTemplate === null ? 'user' : conceptRole(model, prefix);
}

/** A model without a chat template reads the bare text of what a chat would say. */
function promptTokens(model: LoadedModel, messages: readonly ChatMessage[]): readonly number[] {
  if (model.chatTemplate !== null) return encodePrompt(model, renderPrompt(model, messages)).tokens;
  const text = messages.map(({ content }) => content).join('\n\n');
  return model.tokenizer.encode(literalText(model.tokenizer, text), { addSpecialTokens: true });
}
