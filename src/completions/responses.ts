/** OpenAI's Responses API in its text form, on the chat's plan: the reply, and its events in OpenAI's order. */
import type { FinishReason } from '../engine/protocol.js';
import { errors, SteerdError } from '../errors.js';
import { event } from '../event-stream.js';
import type { ChatRequest } from '../schemas/chat.js';
import { type OutputMessage, type ResponseObject, ResponseRequest } from '../schemas/responses.js';
import type { Services } from '../services.js';
import { collect, type Piece, usageOf } from './generate.js';
import { AnswerMonitor, type ReadToken } from './monitor-shape.js';
import { type CompletionPlan, planChat } from './plan.js';
import { refuseSilentNoOps } from './refusals.js';
import { receiptFields } from './reply-head.js';

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
  tools: 'POST /v1/chat/completions has them',
  include: 'leave it out',
  top_logprobs: 'POST /v1/chat/completions has them',
  n: 'POST /v1/chat/completions has it',
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
  services: Pick<Services, 'models' | 'concepts'>,
  signal?: AbortSignal,
): Promise<ResponsePlan> {
  const { input, instructions, text, max_output_tokens, ...rest } = body;
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
  const messages = [
    ...(instructions ? [{ role: 'system' as const, content: instructions }] : []),
    ...(typeof input === 'string'
      ? [{ role: 'user' as const, content: input }]
      : input.map(({ role, content }) => ({
          role,
          content: typeof content === 'string' ? content : content.map((part) => part.text).join('\n'),
        }))),
  ];
  const fields = Object.fromEntries(Object.entries(rest).filter(([field]) => known.includes(field)));
  const chat = {
    ...fields,
    messages,
    max_completion_tokens: max_output_tokens,
    response_format: formatOf(text?.format),
  } as ChatRequest;
  try {
    const plan = await planChat(chat, services, signal);
    return { plan: { ...plan, id: plan.id.replace(/^chatcmpl-/, 'resp_') }, body };
  } catch (error) {
    throw inOurWords(error);
  }
}

/** The chat's fields as this endpoint calls them. */
function inOurWords(error: unknown): unknown {
  if (!(error instanceof SteerdError)) return error;
  const words = (text: string) =>
    text
      .replace(/\bmessages\b/g, 'input')
      .replace(/\bresponse_format(\.json_schema)?/g, 'text.format')
      .replace(/\bmax_tokens\b/g, 'max_output_tokens');
  const { code, status, type, message, param, retryAfterSeconds } = error;
  return new SteerdError(code, status, type, words(message), param && words(param), retryAfterSeconds);
}

function formatOf(format: NonNullable<ResponseRequest['text']>['format']) {
  if (!format) return undefined;
  if (format.type !== 'json_schema') return { type: format.type };
  return { type: format.type, json_schema: { name: format.name, schema: format.schema } };
}

const outputText = (text: string) => ({ type: 'output_text' as const, text, annotations: [], logprobs: [] });

function outputMessage(
  plan: CompletionPlan,
  text: string | null,
  finish: FinishReason | null,
): OutputMessage {
  return {
    type: 'message',
    id: plan.id.replace(/^resp_/, 'msg_'),
    status: finish === null ? 'in_progress' : finish === 'stop' ? 'completed' : 'incomplete',
    role: 'assistant',
    content: text === null ? [] : [outputText(text)],
  };
}

/** @param answer null while it is made */
function responseObject(
  { plan, body }: ResponsePlan,
  answer: { text: string; finish: FinishReason; tokens: number; read: readonly ReadToken[] } | null,
): ResponseObject {
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
    output: answer ? [outputMessage(plan, answer.text, answer.finish)] : [],
    parallel_tool_calls: false,
    previous_response_id: null,
    store: false,
    temperature: body.temperature ?? 1,
    text: { format: { ...(body.text?.format ?? { type: 'text' }) } },
    tool_choice: 'none',
    tools: [],
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

export async function response(planned: ResponsePlan, generation: Generation): Promise<ResponseObject> {
  const { answers, usage } = await collect(planned.plan, generation);
  const [answer] = answers;
  if (answer === undefined) throw new Error('a response without an answer');
  return responseObject(planned, { ...answer, tokens: usage.completion_tokens });
}

/** The typed events of a stream (OpenAI API reference, "Streaming events"): no `[DONE]`. */
export async function* responseEvents(planned: ResponsePlan, generation: Generation): AsyncGenerator<string> {
  const { plan } = planned;
  let sequence = 0;
  const say = (type: string, more: object) =>
    event(JSON.stringify({ type, sequence_number: sequence++, ...more }), { name: type });
  const item = { output_index: 0, item_id: outputMessage(plan, null, null).id };
  const part = { ...item, content_index: 0 };
  const begun = { response: responseObject(planned, null) };
  yield say('response.created', begun) +
    say('response.in_progress', begun) +
    say('response.output_item.added', { output_index: 0, item: outputMessage(plan, null, null) }) +
    say('response.content_part.added', { ...part, part: outputText('') });
  let text = '';
  let tokens = 0;
  let finish: FinishReason = 'stop';
  const read: ReadToken[] = [];
  for await (const pieces of generation) {
    let events = '';
    for (const piece of pieces) {
      tokens += piece.tokens;
      text += piece.text;
      finish = piece.finish ?? finish;
      for (const token of piece.read) read.push(token);
      if (piece.text !== '')
        events += say('response.output_text.delta', { ...part, delta: piece.text, logprobs: [] });
    }
    if (events !== '') yield events;
  }
  const whole = responseObject(planned, { text, finish, tokens, read });
  yield say('response.output_text.done', { ...part, text, logprobs: [] }) +
    say('response.content_part.done', { ...part, part: outputText(text) }) +
    say('response.output_item.done', { output_index: 0, item: outputMessage(plan, text, finish) }) +
    say(`response.${whole.status}`, { response: whole });
}
