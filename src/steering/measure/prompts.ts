/** What is answered in a measurement: each prompt as it is, and with the concept stated for the evidence. */
import { errors } from '../../errors.js';
import type { LoadedModel } from '../../models/model.js';
import {
  type ConceptRole,
  conceptRole,
  questionMessages,
  questionTokens,
} from '../recipes/concept-prompt.js';

export interface PromptPair {
  readonly prompt: readonly number[];
  /** Null when nothing states the concept. */
  readonly stated: readonly number[] | null;
}

export interface PromptPairs {
  readonly pairs: readonly PromptPair[];
  /** Where the model's template carries the concept; null when nothing states it. */
  readonly role: ConceptRole | null;
}

/**
 * @param prefix states the concept; '' for none.
 * @throws SteerdError context_length_exceeded
 */
export function questionPrompts(
  model: LoadedModel,
  questions: readonly string[],
  prefix: string,
  maxTokens: number,
): PromptPairs {
  const role = prefix === '' ? null : model.chatTemplate === null ? 'user' : conceptRole(model, prefix);
  const pairs = questions.map((question): PromptPair => {
    const prompt = promptTokens(model, question, null);
    const stated = role === null ? null : promptTokens(model, question, { prefix, role });
    const { capacity } = model.engine.shape;
    for (const tokens of [prompt, stated ?? []]) {
      if (tokens.length + maxTokens <= capacity) continue;
      const field = tokens === prompt ? 'a question' : 'prefix with a question';
      throw errors.contextLengthExceeded(field, tokens.length, maxTokens, capacity);
    }
    return { prompt, stated };
  });
  return { pairs, role };
}

/** A model without a chat template reads the bare text of what a chat would say. */
function promptTokens(
  model: LoadedModel,
  question: string,
  stated: { readonly prefix: string; readonly role: ConceptRole } | null,
): readonly number[] {
  if (model.chatTemplate !== null) return questionTokens(model, question, stated);
  const text = questionMessages(question, stated)
    .map(({ content }) => content)
    .join('\n\n');
  return model.tokenizer.encode(text, { addSpecialTokens: true });
}
