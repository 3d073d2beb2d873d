/** How a concept is stated to a chat model: as a system message where the template has that role. */
import { errors } from '../../errors.js';
import type { LoadedModel } from '../../models/model.js';

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
    const with_ = render(model, probe, { prefix, role: 'system' });
    return with_ === render(model, probe, null) ? 'user' : 'system';
  } catch (error) {
    if (model.chatTemplate === null) throw error;
    return 'user'; // Some templates raise on a system message (Gemma's does).
  }
}

/** Token ids of one question up to where the answer begins, with the concept stated or not. */
export function questionTokens(model: LoadedModel, question: string, stated: Stated | null): number[] {
  // The template writes the special tokens itself.
  return [...model.tokenizer.encode(render(model, question, stated), { addSpecialTokens: false })];
}

function render(model: LoadedModel, question: string, stated: Stated | null): string {
  if (model.chatTemplate === null) {
    throw errors.fitImpossible(
      `model ${model.id} has no chat template, and recipe "responses" has it answer questions`,
    );
  }
  const messages =
    stated === null
      ? [{ role: 'user', content: question }]
      : stated.role === 'system'
        ? [
            { role: 'system', content: stated.prefix },
            { role: 'user', content: question },
          ]
        : [{ role: 'user', content: `${stated.prefix}\n\n${question}` }];
  // A model that can think aloud first must not: the answer itself is what is read. Other templates ignore it.
  const variables = { enable_thinking: false };
  return model.chatTemplate.render(messages, { addGenerationPrompt: true, variables });
}
