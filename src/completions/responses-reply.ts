/** OpenAI's Responses API with text and functions, on the chat's plan: the reply, and its events in OpenAI's order. */

import type { ModelsAndConcepts } from '../concepts/concept-lookup.js';
import type { FinishReason } from '../engine/protocol.js';
import { errors, SteerdError } from '../errors.js';
import { event } from '../http/event-stream.js';
import type { ChatRequest } from '../schemas/chat.js';
import { type OutputItem, type ResponseObject, ResponseRequest } from '../schemas/responses.js';
import { type Piece, usageOf } from './generate.js';
import { AnswerMonitor, type ReadToken } from './monitor-reply.js';
import { type CompletionPlan, planChat } from './plan.js';
import { refuseSilentNoOps } from './refusals.js';
import { receiptFields } from './reply-head.js';
import { chatMessages, chatToolChoice, chatTools } from './responses-input.js';
import { ResponseOutput } from './responses-output.js';

type Generation = AsyncIterable<readonly Piece[]>;

export interface ResponsePlan {
  readonly plan: CompletionPlan;
  readonly body: ResponseRequest;
}

const known = Object.keys(ResponseRequest.shape);

/** Fields that would need what this server does not have; `null`, `false`, `[]` and absence ask for nothing. */
const refused: Readonly<Record<string, string>> = {
  previous_response_id: 'no response is stored: send the whole conversation as input',
  conversation: 'no conversation is stored: send it as input',
  background: 'the answer comes with the request; stream it',
  prompt: 'send instructions and input',
  n: 'POST /v1/chat/completions has it',
  prompt_logprobs: 'POST /v1/chat/completions has them',
  return_token_ids: 'POST /v1/chat/completions has them',
  max_tokens: 'say it as max_output_tokens',
  messages: 'say it as input',
};

const asksNothing = (value: unknown) =>
  value === null ||
  value === undefined ||
  value === false ||
  value === 0 ||
  (Array.isArray(value) && value.length === 0);

/** @throws SteerdError whatever is wrong with the request */
export async function planResponse(
  body: ResponseRequest,
  services: ModelsAndConcepts,
  signal?: AbortSignal,
): Promise<ResponsePlan> {
  const { input: _i, instructions: _s, text, max_output_tokens, tools, tool_choice, ...rest } = body;
  for (const [field, instead] of Object.entries(refused)) {
    if (!asksNothing(body[field])) throw errors.notSupported(field, instead);
  }
  refuseSilentNoOps(Object.fromEntries(Object.entries(body).filter(([field]) => !(field in refused))), [
    ...known,
    'reasoning',
    'truncation',
    'service_tier',
  ]);
  if (typeof body.steering === 'object' && body.steering !== null && 'choices' in body.steering) {
    throw errors.notSupported(
      'steering.choices',
      'a response has one answer; POST /v1/chat/completions compares them',
    );
  }
  const fields = Object.fromEntries(Object.entries(rest).filter(([field]) => known.includes(field)));
  const chat = {
    ...fields,
    messages: chatMessages(body),
    max_completion_tokens: max_output_tokens,
    tools: chatTools(tools),
    tool_choice: chatToolChoice(tool_choice),
    logprobs: wantsLogprobs(body),
    response_format: formatOf(text?.format),
  } as ChatRequest;
  try {
    const plan = await planChat(chat, services, signal);
    return { plan: { ...plan, id: plan.id.replace(/^chatcmpl-/, 'resp_') }, body };
  } catch (error) {
    throw inOurWords(error);
  }
}

const wantsLogprobs = ({ include, top_logprobs }: ResponseRequest) =>
  (top_logprobs ?? 0) > 0 || (include?.includes('message.output_text.logprobs') ?? false);

/** The chat's fields as this endpoint calls them. */
function inOurWords(error: unknown): unknown {
  if (!(error instanceof SteerdError)) return error;
  const words = (text: string) =>
    text
      .replace(/\bmessages\b/g, 'input')
      .replace(/\bresponse_format(\.json_schema)?/g, 'text.format')
      .replace(/\bmax_tokens\b/g, 'max_output_tokens')
      .replace(/\b(tools\.\d+|tool_choice)\.function\./g, '$1.');
  const { code, status, type, message, param, retryAfterSeconds } = error;
  return new SteerdError(code, status, type, words(message), param && words(param), retryAfterSeconds);
}

function formatOf(format: NonNullable<ResponseRequest['text']>['format']) {
  if (!format) return undefined;
  if (format.type !== 'json_schema') return { type: format.type };
  return { type: format.type, json_schema: { name: format.name, schema: format.schema } };
}

interface Answer {
  readonly items: readonly OutputItem[];
  readonly finish: FinishReason;
  readonly tokens: number;
  readonly read: readonly ReadToken[];
}

/** @param answer null while it is made */
function responseObject({ plan, body }: ResponsePlan, answer: Answer | null): ResponseObject {
  const usage = answer && usageOf(plan, answer.tokens);
  const { monitor } = answer ? new AnswerMonitor(plan).whole(answer.read) : {};
  return {
    id: plan.id,
    object: 'response',
    created_at: plan.created,
    status: answer === null ? 'in_progress' : answer.finish === 'stop' ? 'completed' : 'incomplete',
    error: null,
    incomplete_details: answer?.finish === 'length' ? { reason: 'max_output_tokens' } : null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    model: plan.modelName,
    output: answer ? [...answer.items] : [],
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: null,
    store: false,
    temperature: body.temperature ?? 1,
    text: { format: { ...(body.text?.format ?? { type: 'text' }) } },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_logprobs: body.top_logprobs ?? 0,
    top_p: body.top_p ?? 1,
    truncation: 'disabled',
    metadata: body.metadata ?? {},
    usage: usage && {
      input_tokens: usage.prompt_tokens,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: usage.completion_tokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: usage.total_tokens,
    },
    ...receiptFields(plan),
    ...(monitor ? { monitor_readings: monitor } : {}),
  };
}

/** Reads a generation into output items; gives out the events of each step, and what it came to. */
async function* read(
  { plan }: ResponsePlan,
  generation: Generation,
  event: (type: string, fields: object) => string,
): AsyncGenerator<string, Answer> {
  let events = '';
  const output = new ResponseOutput(plan, (type, fields) => {
    events += event(type, fields);
  });
  const take = () => {
    const said = events;
    events = '';
    return said;
  };
  output.begin();
  yield take();
  let tokens = 0;
  let finish: FinishReason = 'stop';
  const all: ReadToken[] = [];
  for await (const pieces of generation) {
    for (const piece of pieces) {
      tokens += piece.tokens;
      finish = piece.finish ?? finish;
      for (const token of piece.read) all.push(token);
      output.take(piece);
    }
    if (events !== '') yield take();
  }
  return { items: output.items, finish, tokens, read: all };
}

export async function response(planned: ResponsePlan, generation: Generation): Promise<ResponseObject> {
  const reading = read(planned, generation, () => '');
  for (;;) {
    const next = await reading.next();
    if (next.done) return responseObject(planned, next.value);
  }
}

/** The typed events of a stream (OpenAI API reference, "Streaming events"): no `[DONE]`. */
export async function* responseEvents(planned: ResponsePlan, generation: Generation): AsyncGenerator<string> {
  let sequence = 0;
  const say = (type: string, more: object) =>
    event(JSON.stringify({ type, sequence_number: sequence++, ...more }), { name: type });
  const begun = { response: responseObject(planned, null) };
  yield say('response.created', begun) + say('response.in_progress', begun);
  const answer = yield* read(planned, generation, say);
  const whole = responseObject(planned, answer);
  yield say(`response.${whole.status}`, { response: whole });
}
