/** A chat completion's reply, whole and in chunks. */
import type { ChatCompletion } from '../schemas/chat.js';
import { collect, type Piece } from './generate.js';
import type { CompletionPlan } from './plan.js';
import { receiptField, replyHead } from './reply-head.js';
import { chunkWriter } from './sse.js';

type Generation = AsyncIterable<readonly Piece[]>;

export async function chatCompletion(plan: CompletionPlan, generation: Generation): Promise<ChatCompletion> {
  const { answers, usage } = await collect(plan, generation);
  return {
    ...replyHead(plan, 'chat.completion'),
    choices: answers.map(({ text, finish }, index) => ({
      index,
      message: { role: 'assistant', content: text, refusal: null },
      logprobs: null,
      finish_reason: finish,
    })),
    usage,
    ...receiptField(plan),
  };
}

/** The events of a stream: every choice's role, its deltas, its finish reason; then the end. */
export async function* chatEvents(plan: CompletionPlan, generation: Generation): AsyncGenerator<string> {
  const writer = chunkWriter(plan, replyHead(plan, 'chat.completion.chunk'));
  const choice = (index: number, delta: string, finish: string) =>
    `{"index":${index},"delta":${delta},"logprobs":null,"finish_reason":${finish}}`;
  const role = '{"role":"assistant","content":"","refusal":null}';
  yield plan.sequences
    .map((_, index) => (index === 0 ? writer.firstChunk : writer.chunk)(choice(index, role, 'null')))
    .join('');
  let tokens = 0;
  for await (const pieces of generation) {
    let events = '';
    for (const piece of pieces) {
      tokens += piece.tokens;
      if (piece.text !== '') {
        events += writer.chunk(choice(piece.index, `{"content":${JSON.stringify(piece.text)}}`, 'null'));
      }
      if (piece.finish !== null) events += writer.chunk(choice(piece.index, '{}', `"${piece.finish}"`));
    }
    if (events !== '') yield events;
  }
  yield writer.end(tokens);
}
