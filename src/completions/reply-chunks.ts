/**
 * An answer's chunks as values: what other APIs' streams are made of (Anthropic's, Ollama's). They are those that the
 * stream of a chat or text completion would have, so that text, calls and reasoning are told apart in one place.
 */
import type { ChatCompletionChunk } from '../schemas/chat.js';
import type { CompletionChunk } from '../schemas/completions.js';
import { chatEvents } from './chat-reply.js';
import type { Generation } from './generate.js';
import type { CompletionPlan } from './plan.js';
import { textEvents } from './text-reply.js';

/** In order, the one with the usage last if the plan's stream has it. */
export const chatChunks = (plan: CompletionPlan, generation: Generation) =>
  chunksOf<ChatCompletionChunk>(chatEvents(plan, generation));

/** The same of a text completion. */
export const textChunks = (plan: CompletionPlan, generation: Generation) =>
  chunksOf<CompletionChunk>(textEvents(plan, generation));

const begin = 'data: ';

async function* chunksOf<Chunk>(stream: AsyncIterable<string>): AsyncGenerator<readonly Chunk[]> {
  for await (const events of stream) {
    yield events.split('\n\n').flatMap((event): Chunk[] => {
      const json = event.startsWith(begin) ? event.slice(begin.length) : '';
      return json.startsWith('{') ? [JSON.parse(json) as Chunk] : [];
    });
  }
}
