/** The reply of the Responses API: the object that output items make up (response-items.ts), and the events that tell of both. */
import type { FinishReason } from '../engine/protocol.js';
import type { SteerdError } from '../errors.js';
import { toErrorBody } from '../http/error-reply.js';
import { event } from '../http/event-stream.js';
import type { OutputItem, ResponseObject, ResponseRequest } from '../schemas/responses.js';
import { loosenedTools, type MadeCalls } from './call-faults.js';
import { receiptFields, usageOf } from './common-reply.js';
import type { Generation, ReadToken } from './generate.js';
import { AnswerMonitor } from './monitor-reply.js';
import type { CompletionPlan } from './plan.js';
import { OutputItems } from './response-items.js';
import type { ConversationItem, OwnResponses } from './response-store.js';

/** What a generation came to. */
interface Output {
  readonly items: readonly OutputItem[];
  readonly finish: FinishReason;
  readonly tokens: number;
  readonly read: readonly ReadToken[];
  readonly reasoningTokens: number;
  readonly made: MadeCalls;
}

/** What a response is made from. */
export interface AskedResponse {
  readonly body: ResponseRequest;
  /** The items before the answer. */
  readonly conversation: readonly ConversationItem[];
  /** Where it is kept; null where it is not. */
  readonly keep: OwnResponses | null;
}

/** @param output null while it is made */
function responseObject(
  { body, keep }: AskedResponse,
  plan: CompletionPlan,
  output: Output | null,
): ResponseObject {
  const usage = output && usageOf(plan, output.tokens);
  const { monitor } = output ? new AnswerMonitor(plan).whole(output.read) : {};
  return {
    id: plan.request.reply.id,
    object: 'response',
    created_at: plan.created,
    status: output === null ? 'in_progress' : output.finish === 'stop' ? 'completed' : 'incomplete',
    error: null,
    incomplete_details: output?.finish === 'length' ? { reason: 'max_output_tokens' } : null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    model: plan.modelName,
    output: output ? [...output.items] : [],
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    store: keep !== null,
    temperature: plan.sampling.values.temperature,
    text: { format: { ...(body.text?.format ?? { type: 'text' }) } },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_logprobs: body.top_logprobs ?? 0,
    top_p: plan.sampling.values.topP,
    truncation: 'disabled',
    metadata: body.metadata ?? {},
    usage: usage && {
      input_tokens: usage.prompt_tokens,
      input_tokens_details: usage.prompt_tokens_details,
      output_tokens: usage.completion_tokens,
      output_tokens_details: { reasoning_tokens: output?.reasoningTokens ?? 0 },
      total_tokens: usage.total_tokens,
    },
    ...loosenedTools(plan),
    ...(output ? output.made.faults(plan, output.finish) : {}),
    ...receiptFields(plan),
    ...(monitor ? { monitor_readings: monitor } : {}),
  };
}

/** Reads a generation into output items; gives out the events of each step, and what it came to. */
async function* read(
  plan: CompletionPlan,
  generation: Generation,
  say: (type: string, fields: object) => string,
): AsyncGenerator<string, Output> {
  let events = '';
  const answer = new OutputItems(plan, (type, fields) => {
    events += say(type, fields);
  });
  const take = () => {
    const said = events;
    events = '';
    return said;
  };
  answer.begin();
  yield take();
  let tokens = 0;
  let finish: FinishReason = 'stop';
  const all: ReadToken[] = [];
  for await (const pieces of generation) {
    for (const piece of pieces) {
      tokens += piece.ids.length;
      finish = piece.finish ?? finish;
      for (const token of piece.read) all.push(token);
      answer.take(piece);
    }
    if (events !== '') yield take();
  }
  const { items, reasoningTokens, made } = answer;
  return { items, finish, tokens, read: all, reasoningTokens, made };
}

export async function wholeResponse(
  asked: AskedResponse,
  plan: CompletionPlan,
  generation: Generation,
): Promise<ResponseObject> {
  const reading = read(plan, generation, () => '');
  for (;;) {
    const next = await reading.next();
    if (next.done) return kept(asked, responseObject(asked, plan, next.value));
  }
}

/**
 * The typed events of a stream (OpenAI API reference, "Streaming events"): no `[DONE]`.
 * @param explain logs what breaks the answer, and turns it into what the last event says
 */
export async function* responseEvents(
  asked: AskedResponse,
  plan: CompletionPlan,
  generation: Generation,
  explain: (error: unknown) => SteerdError,
): AsyncGenerator<string> {
  let sequence = 0;
  const say = (type: string, more: object) =>
    event(JSON.stringify({ type, sequence_number: sequence++, ...more }), { name: type });
  const begun = { response: responseObject(asked, plan, null) };
  yield say('response.created', begun) + say('response.in_progress', begun);
  let whole: ResponseObject;
  try {
    const output = yield* read(plan, generation, say);
    // Kept before its last event: whoever has read that one may refer to it at once.
    whole = await kept(asked, responseObject(asked, plan, output));
  } catch (error) {
    yield say('error', toErrorBody(explain(error)));
    return;
  }
  yield say(`response.${whole.status}`, { response: whole });
}

/** @returns what is answered, which says whether it is kept after all */
async function kept(
  { conversation, keep }: AskedResponse,
  response: ResponseObject,
): Promise<ResponseObject> {
  if (keep === null || (await keep.put({ response, conversation }))) return response;
  return { ...response, store: false };
}
