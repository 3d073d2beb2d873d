/** A chat completion's reply, whole and in chunks. */
import type { FinishReason } from '../engine/protocol.js';
import type { ChatCompletion } from '../schemas/chat.js';
import { type AnswerPart, AnswerReader } from './answer-reader.js';
import { loosenedTools, MadeCalls } from './call-faults.js';
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
import { collect, type Generation, type Piece, type ReadToken } from './generate.js';
import { chatLogprobs, promptLogprobs } from './logprobs-reply.js';
import { AnswerMonitor } from './monitor-reply.js';
import type { CompletionPlan } from './plan.js';

export async function chatCompletion(plan: CompletionPlan, generation: Generation): Promise<ChatCompletion> {
  const answers = await collect(plan, generation);
  return {
    ...replyHead(plan, 'chat.completion'),
    choices: answers.map(({ text, read, finish, ids, stopString }, index) => ({
      index,
      ...messageOf(plan, text, finish),
      ...stopReason(stopString),
      logprobs: chatLogprobs(plan, read),
      ...new AnswerMonitor(plan).whole(read),
      ...choiceReceipts(plan, index),
      ...tokenIds(plan, ids),
    })),
    usage: usageOf(plan, tokenCount(answers)),
    ...promptIds(plan, 0),
    ...promptLogprobs(plan, 0, answers[0]),
    ...loosenedTools(plan),
    ...receiptFields(plan),
  };
}

/** The finish reason of an answer with that many calls. */
function reasonOf({ request }: CompletionPlan, calls: number, finish: FinishReason) {
  if (calls === 0 || finish !== 'stop') return finish;
  return request.reply.functionCalls ? ('function_call' as const) : ('tool_calls' as const);
}

/** The message with the reasoning and the calls in its text, and the finish reason. */
function messageOf(plan: CompletionPlan, text: string, finish: FinishReason) {
  const parts = new AnswerReader(plan).read(text, 0, finish);
  const made = new MadeCalls();
  const said = { text: '', reasoning: '' };
  for (const part of parts) {
    if (part.kind === 'call') made.add(part.delta);
    else said[part.kind] += part.text;
  }
  const { calls } = made;
  const older = plan.request.reply.functionCalls === true;
  return {
    message: {
      role: 'assistant' as const,
      content: said.text === '' && calls.length > 0 ? null : said.text,
      refusal: null,
      ...(said.reasoning !== '' && plan.request.reply.reasoning === 'apart'
        ? { reasoning_content: said.reasoning }
        : {}),
      ...(calls.length > 0 && !older ? { tool_calls: calls } : {}),
      ...(calls[0] && older ? { function_call: calls[0].function } : {}),
    },
    finish_reason: reasonOf(plan, calls.length, finish),
    ...made.faults(plan, finish),
  };
}

/** One choice of a stream: the deltas that its pieces come to. */
class StreamedChoice {
  readonly made = new MadeCalls();
  readonly monitor: AnswerMonitor;
  readonly #reader: AnswerReader;
  /** Tokens whose readings wait for a delta. */
  #read: ReadToken[] = [];
  #ids: number[] = [];

  constructor(readonly plan: CompletionPlan) {
    this.monitor = new AnswerMonitor(plan);
    this.#reader = new AnswerReader(plan);
  }

  get calls(): number {
    return this.#reader.calls;
  }

  /** The deltas of a piece, one a chunk: none is empty, and each is about one call at most. */
  take({ text, ids, read, finish }: Piece): object[] {
    for (const token of read) this.#read.push(token);
    for (const id of ids) this.#ids.push(id);
    const parts = this.#reader.read(text, ids.length, finish);
    for (const part of parts) if (part.kind === 'call') this.made.add(part.delta);
    const deltas = parts.flatMap((part) => this.#delta(part));
    // A token without text has a chunk of its own where its id is asked for, as in vLLM.
    const alone = this.plan.request.reply.tokenIds && ids.length > 0 && finish === null;
    return deltas.length === 0 && alone && this.#reader.isPlain ? [{}] : deltas;
  }

  /** What waited for a delta: readings come in the chunk with their tokens' text, or with the finish reason. */
  taken(): { readonly read: readonly ReadToken[]; readonly ids: readonly number[] } {
    const taken = { read: this.#read, ids: this.#ids };
    this.#read = [];
    this.#ids = [];
    return taken;
  }

  #delta(part: AnswerPart): object[] {
    const { reply } = this.plan.request;
    if (part.kind === 'call')
      return [reply.functionCalls ? { function_call: part.delta.function } : { tool_calls: [part.delta] }];
    if (part.kind === 'text') return [{ content: part.text }];
    return reply.reasoning === 'apart' ? [{ reasoning_content: part.text }] : [];
  }
}

/** The events of a stream: the role of every choice, deltas, finish reasons; then the usage and `[DONE]`. */
export async function* chatEvents(plan: CompletionPlan, generation: Generation): AsyncGenerator<string> {
  const writer = chunkWriter(plan, replyHead(plan, 'chat.completion.chunk'), promptIds(plan, 0));
  const choice = (index: number, delta: string, finish: string, more = '', logprobs = 'null') =>
    `{"index":${index},"delta":${delta},"logprobs":${logprobs},"finish_reason":${finish}${more}}`;
  const logprobsOf = (read: readonly ReadToken[]) =>
    plan.request.answer.logprobs === null || read.length === 0
      ? 'null'
      : JSON.stringify(chatLogprobs(plan, read));
  const streamed = plan.choices.map(() => new StreamedChoice(plan));
  const role = '{"role":"assistant","content":"","refusal":null}';
  yield plan.choices
    .map((_, index) =>
      (index === 0 ? writer.firstChunk : writer.chunk)(
        choice(index, role, 'null', fields(choiceReceipts(plan, index))),
      ),
    )
    .join('');
  let tokens = 0;
  for await (const pieces of generation) {
    let events = '';
    for (const piece of pieces) {
      tokens += piece.ids.length;
      const own = streamed[piece.index] as StreamedChoice;
      for (const delta of own.take(piece)) {
        const { read, ids } = own.taken();
        const more = fields({
          ...own.monitor.chunk(read, false),
          ...(ids.length > 0 && tokenIds(plan, ids)),
        });
        events += writer.chunk(
          choice(piece.index, JSON.stringify(delta), 'null', more, logprobsOf(read)),
          tokens,
        );
      }
      if (piece.finish !== null) {
        const { read, ids } = own.taken();
        const reason = reasonOf(plan, own.calls, piece.finish);
        const more = fields({
          ...stopReason(piece.stopString),
          ...own.monitor.chunk(read, true),
          ...tokenIds(plan, ids),
          ...own.made.faults(plan, piece.finish),
        });
        events += writer.chunk(choice(piece.index, '{}', `"${reason}"`, more, logprobsOf(read)), tokens);
      }
    }
    if (events !== '') yield events;
  }
  yield writer.end(tokens);
}
