/** A chat completion's reply, whole and in chunks. */
import type { ChatCompletion } from '../schemas/chat.js';
import { collect, type Piece } from './generate.js';
import { chatLogprobs } from './logprobs-shape.js';
import { AnswerMonitor, type ReadToken } from './monitor-shape.js';
import type { CompletionPlan } from './plan.js';
import { choiceReceipt, receiptFields, replyHead } from './reply-head.js';
import { chunkWriter, fields } from './sse.js';

type Generation = AsyncIterable<readonly Piece[]>;

export async function chatCompletion(plan: CompletionPlan, generation: Generation): Promise<ChatCompletion> {
  const { answers, usage } = await collect(plan, generation);
  return {
    ...replyHead(plan, 'chat.completion'),
    choices: answers.map(({ text, read, finish }, index) => ({
      index,
      message: { role: 'assistant', content: text, refusal: null },
      logprobs: chatLogprobs(plan, read),
      finish_reason: finish,
      ...new AnswerMonitor(plan).whole(read),
      ...choiceReceipt(plan, index),
    })),
    usage,
    ...receiptFields(plan),
  };
}

/** The events of a stream: every choice's role, its deltas, its finish reason; then the end. */
export async function* chatEvents(plan: CompletionPlan, generation: Generation): AsyncGenerator<string> {
  const writer = chunkWriter(plan, replyHead(plan, 'chat.completion.chunk'));
  const choice = (index: number, delta: string, finish: string, more = '', logprobs = 'null') =>
    `{"index":${index},"delta":${delta},"logprobs":${logprobs},"finish_reason":${finish}${more}}`;
  const logprobsOf = (read: readonly ReadToken[]) =>
    plan.logprobs === null || read.length === 0 ? 'null' : JSON.stringify(chatLogprobs(plan, read));
  const monitors = plan.sequences.map(() => new AnswerMonitor(plan));
  const role = '{"role":"assistant","content":"","refusal":null}';
  yield plan.sequences
    .map((_, index) =>
      (index === 0 ? writer.firstChunk : writer.chunk)(
        choice(index, role, 'null', fields(choiceReceipt(plan, index))),
      ),
    )
    .join('');
  let tokens = 0;
  for await (const pieces of generation) {
    let events = '';
    for (const piece of pieces) {
      tokens += piece.tokens;
      // The chunk with the text has its tokens' readings; without text they come with the finish reason.
      const monitor = monitors[piece.index] as AnswerMonitor;
      if (piece.text !== '') {
        const delta = `{"content":${JSON.stringify(piece.text)}}`;
        events += writer.chunk(
          choice(
            piece.index,
            delta,
            'null',
            fields(monitor.chunk(piece.read, false)),
            logprobsOf(piece.read),
          ),
        );
      }
      if (piece.finish !== null) {
        const left = piece.text === '' ? piece.read : [];
        events += writer.chunk(
          choice(piece.index, '{}', `"${piece.finish}"`, fields(monitor.chunk(left, true)), logprobsOf(left)),
        );
      }
    }
    if (events !== '') yield events;
  }
  yield writer.end(tokens);
}
