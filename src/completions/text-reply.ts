/** A text completion's reply, whole and in chunks. */
import type { Completion } from '../schemas/completions.js';
import {
  choiceReceipts,
  chunkWriter,
  fields,
  promptIds,
  receiptFields,
  replyHead,
  stopReason,
  tokenCount,
  tokenIds,
  usageOf,
} from './common-reply.js';
import { collect, type Generation } from './generate.js';
import { promptLogprobs, TextLogprobsWriter } from './logprobs-reply.js';
import { AnswerMonitor } from './monitor-reply.js';
import type { CompletionPlan } from './plan.js';

export async function textCompletion(plan: CompletionPlan, generation: Generation): Promise<Completion> {
  const answers = await collect(plan, generation);
  return {
    ...replyHead(plan, 'text_completion'),
    choices: answers.map(({ text, read, finish, ids, stopString }, index) => ({
      text,
      index,
      logprobs: new TextLogprobsWriter(plan).take(read),
      finish_reason: finish,
      ...stopReason(stopString),
      ...new AnswerMonitor(plan).whole(read),
      ...choiceReceipts(plan, index),
      ...tokenIds(plan, ids),
      ...promptIds(plan, index),
      ...promptLogprobs(plan, index, answers[index]),
    })),
    usage: usageOf(plan, tokenCount(answers)),
    ...receiptFields(plan),
  };
}

/** The events of a stream: the texts of every choice, the last with its finish reason; then the usage and `[DONE]`. */
export async function* textEvents(plan: CompletionPlan, generation: Generation): AsyncGenerator<string> {
  const writer = chunkWriter(plan, replyHead(plan, 'text_completion'));
  const monitors = plan.choices.map(() => new AnswerMonitor(plan));
  const logprobs = plan.choices.map(() => new TextLogprobsWriter(plan));
  const begun = new Set<number>();
  let tokens = 0;
  let write: typeof writer.chunk = writer.firstChunk;
  for await (const pieces of generation) {
    let events = '';
    for (const { index, text, finish, read, ids, stopString } of pieces) {
      tokens += ids.length;
      if (text === '' && finish === null && read.length === 0) continue;
      const reason = finish === null ? 'null' : `"${finish}"`;
      const receipt = begun.has(index) ? {} : { ...choiceReceipts(plan, index), ...promptIds(plan, index) };
      begun.add(index);
      const more = fields({
        ...(monitors[index] as AnswerMonitor).chunk(read, finish !== null),
        ...stopReason(stopString),
        ...tokenIds(plan, ids),
        ...receipt,
      });
      const said = JSON.stringify((logprobs[index] as TextLogprobsWriter).take(read));
      events += write(
        `{"text":${JSON.stringify(text)},"index":${index},"logprobs":${said},"finish_reason":${reason}${more}}`,
        tokens,
      );
      write = writer.chunk;
    }
    if (events !== '') yield events;
  }
  yield writer.end(tokens);
}
