/**
 * An answer's chunks as values: what other APIs' streams are made of (Anthropic's, Ollama's). They are those that a chat
 * completion's stream would have, so that text, calls and reasoning are told apart in one place.
 */
import type { ChatCompletionChunk } from '../schemas/chat.js';
import { chatEvents } from './chat-reply.js';
import type { Generation } from './generate.js';
import type { CompletionPlan } from './plan.js';

const begin = 'data: ';

/** In order, the one with the usage last if the plan's stream has it. */
export async function* chatChunks(
  plan: CompletionPlan,
  generation: Generation,
): AsyncGenerator<readonly ChatCompletionChunk[]> {
  for await (const events of chatEvents(plan, generation)) {
    yield events.split('\n\n').flatMap((event): ChatCompletionChunk[] => {
      const json = event.startsWith(begin) ? event.slice(begin.length) : '';
      return json.startsWith('{') ? [JSON.parse(json) as ChatCompletionChunk] : [];
    });
  }
}
