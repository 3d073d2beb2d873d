/** A chat completion's reply, whole and in chunks. */
import type { FinishReason } from '../engine/protocol.js';
import type { ChatCompletion } from '../schemas/chat.js';
import type { ToolCall } from '../schemas/tools.js';
import {
  callsTools,
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
import { collect, type Generation, type ReadToken } from './generate.js';
import { chatLogprobs, promptLogprobs } from './logprobs-reply.js';
import { AnswerMonitor } from './monitor-reply.js';
import type { CompletionPlan } from './plan.js';
import { ToolCallReader } from './tools.js';

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
    ...receiptFields(plan),
  };
}

/** The message with the tool calls in its text, and the finish reason. */
function messageOf(plan: CompletionPlan, text: string, finish: FinishReason) {
  const role = 'assistant' as const;
  if (!callsTools(plan)) return { message: { role, content: text, refusal: null }, finish_reason: finish };
  const { text: content, calls } = new ToolCallReader().push(text, true);
  const whole: ToolCall[] = [];
  for (const { id, function: part } of calls) {
    if (id !== undefined)
      whole.push({ id, type: 'function', function: { name: part.name ?? '', arguments: '' } });
    const call = whole.at(-1);
    if (call) call.function.arguments += part.arguments;
  }
  return {
    message: {
      role,
      content: content === '' && whole.length > 0 ? null : content,
      refusal: null,
      ...(whole.length > 0 ? { tool_calls: whole } : {}),
    },
    finish_reason: whole.length > 0 && finish === 'stop' ? ('tool_calls' as const) : finish,
  };
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
  const readers = callsTools(plan) ? plan.choices.map(() => new ToolCallReader()) : null;
  const monitors = plan.choices.map(() => new AnswerMonitor(plan));
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
      // Readings come in the chunk with their tokens' text; those of tokens without text, with the finish reason.
      const monitor = monitors[piece.index] as AnswerMonitor;
      const reader = readers?.[piece.index];
      const said = reader?.push(piece.text, piece.finish !== null) ?? { text: piece.text, calls: [] };
      const delta = JSON.stringify({
        ...(said.text === '' ? {} : { content: said.text }),
        ...(said.calls.length === 0 ? {} : { tool_calls: said.calls }),
      });
      // The tokens of a call's name add nothing to the delta yet; their readings are sent all the same.
      const shown =
        delta !== '{}' ||
        piece.text !== '' ||
        (plan.request.reply.tokenIds && piece.ids.length > 0 && piece.finish === null);
      if (shown) {
        events += writer.chunk(
          choice(
            piece.index,
            delta,
            'null',
            fields({ ...monitor.chunk(piece.read, false), ...tokenIds(plan, piece.ids) }),
            logprobsOf(piece.read),
          ),
          tokens,
        );
      }
      if (piece.finish !== null) {
        const left = shown ? [] : piece.read;
        const ids = shown ? [] : piece.ids;
        const reason = reader && reader.calls > 0 && piece.finish === 'stop' ? 'tool_calls' : piece.finish;
        events += writer.chunk(
          choice(
            piece.index,
            '{}',
            `"${reason}"`,
            fields({
              ...stopReason(piece.stopString),
              ...monitor.chunk(left, true),
              ...tokenIds(plan, ids),
            }),
            logprobsOf(left),
          ),
          tokens,
        );
      }
    }
    if (events !== '') yield events;
  }
  yield writer.end(tokens);
}
