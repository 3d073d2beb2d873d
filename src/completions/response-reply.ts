/** The reply of the Responses API: output items as they come, the object they make up, and the events that tell of both. */
import type { FinishReason } from '../engine/protocol.js';
import type { SteerdError } from '../errors.js';
import { toErrorBody } from '../http/error-reply.js';
import { event } from '../http/event-stream.js';
import type { ChatLogprobs } from '../schemas/logprobs.js';
import type {
  FunctionCallItem,
  OutputItem,
  OutputMessage,
  ReasoningItem,
  ResponseObject,
  ResponseRequest,
} from '../schemas/responses.js';
import type { ToolCallDelta } from '../schemas/tools.js';
import { AnswerReader } from './answer-reader.js';
import { loosenedTools, MadeCalls } from './call-faults.js';
import { receiptFields, usageOf } from './common-reply.js';
import type { Generation, Piece, ReadToken } from './generate.js';
import { chatLogprobs } from './logprobs-reply.js';
import { AnswerMonitor } from './monitor-reply.js';
import type { CompletionPlan } from './plan.js';
import type { ConversationItem, OwnResponses } from './response-store.js';

/** Emits an event of a stream; does nothing for a reply that is not streamed. */
type Say = (type: string, fields: object) => void;

type Logprobs = ChatLogprobs['content'];

/** The items of one answer as its pieces come. */
class OutputItems {
  readonly items: OutputItem[] = [];
  readonly made = new MadeCalls();
  readonly #reader: AnswerReader;
  #open: OutputItem | null = null;
  /** Log-probabilities of tokens whose text is still held back. */
  #waiting: Logprobs = [];

  constructor(
    readonly plan: CompletionPlan,
    readonly say: Say,
  ) {
    this.#reader = new AnswerReader(plan);
  }

  get reasoningTokens(): number {
    return this.#reader.reasoningTokens;
  }

  /** Without tools and reasoning the answer is one message, even an empty one. */
  begin(): void {
    if (this.#reader.isPlain) this.#message();
  }

  take({ text, ids, read, finish }: Piece): void {
    this.#waiting.push(...(chatLogprobs(this.plan, read)?.content ?? []));
    for (const part of this.#reader.read(text, ids.length, finish)) {
      if (part.kind === 'call') this.#call(part.delta);
      else if (part.kind === 'text') this.#text(part.text);
      else this.#reason(part.text);
    }
    if (finish !== null) this.#end(finish);
  }

  #text(delta: string): void {
    if (delta === '') return;
    const message = this.#open?.type === 'message' ? this.#open : this.#message();
    const [part] = message.content;
    if (part === undefined) return;
    const logprobs = this.#taken();
    part.text += delta;
    part.logprobs.push(...logprobs);
    this.say('response.output_text.delta', { ...this.#place(message), content_index: 0, delta, logprobs });
  }

  #reason(delta: string): void {
    // Log-probabilities are reported of text only.
    this.#waiting = [];
    if (this.plan.request.reply.reasoning !== 'apart') return;
    const item = this.#open?.type === 'reasoning' ? this.#open : this.#reasoning();
    const [part] = item.content;
    if (part === undefined) return;
    part.text += delta;
    this.say('response.reasoning_text.delta', { ...this.#place(item), content_index: 0, delta });
  }

  #reasoning(): ReasoningItem {
    const id = this.plan.request.reply.id.replace(/^resp_/, 'rs_');
    const item: ReasoningItem = { type: 'reasoning', id, summary: [], content: [], status: 'in_progress' };
    this.#add(item);
    const part = { type: 'reasoning_text' as const, text: '' };
    item.content.push(part);
    this.say('response.content_part.added', { ...this.#place(item), content_index: 0, part });
    return item;
  }

  #taken(): Logprobs {
    const logprobs = this.#waiting;
    this.#waiting = [];
    return logprobs;
  }

  #call(call: ToolCallDelta): void {
    this.made.add(call);
    const {
      id,
      function: { name, arguments: delta },
    } = call;
    // Log-probabilities are reported of text only, not of a call's tokens.
    this.#waiting = [];
    if (id !== undefined) {
      this.#close('completed');
      const itemId = id.replace(/^call_/, 'fc_');
      const call: FunctionCallItem = {
        type: 'function_call',
        id: itemId,
        call_id: id,
        name: name ?? '',
        arguments: '',
        status: 'in_progress',
      };
      this.#add(call);
    }
    if (this.#open?.type !== 'function_call' || delta === '') return;
    this.#open.arguments += delta;
    this.say('response.function_call_arguments.delta', { ...this.#place(this.#open), delta });
  }

  #message(): OutputMessage {
    this.#close('completed');
    const first = this.items.length === 0;
    const id = this.plan.request.reply.id.replace(/^resp_/, 'msg_') + (first ? '' : `_${this.items.length}`);
    const message: OutputMessage = {
      type: 'message',
      id,
      status: 'in_progress',
      role: 'assistant',
      content: [],
    };
    this.#add(message);
    message.content.push({ type: 'output_text', text: '', annotations: [], logprobs: [] });
    this.say('response.content_part.added', {
      ...this.#place(message),
      content_index: 0,
      part: message.content[0],
    });
    return message;
  }

  #add(item: OutputItem): void {
    this.items.push(item);
    this.#open = item;
    this.say('response.output_item.added', { output_index: this.items.length - 1, item });
  }

  #end(finish: FinishReason): void {
    if (this.items.length === 0) this.#message();
    if (this.#open?.type === 'message') this.#open.content[0]?.logprobs.push(...this.#taken());
    this.#close(finish === 'stop' ? 'completed' : 'incomplete');
  }

  #close(status: 'completed' | 'incomplete'): void {
    const item = this.#open;
    if (item === null) return;
    this.#open = null;
    item.status = status;
    const place = this.#place(item);
    if (item.type === 'function_call') {
      const { name, arguments: whole } = item;
      this.say('response.function_call_arguments.done', { ...place, name, arguments: whole });
    } else if (item.type === 'reasoning') {
      const [part] = item.content;
      const at = { ...place, content_index: 0 };
      this.say('response.reasoning_text.done', { ...at, text: part?.text ?? '' });
      this.say('response.content_part.done', { ...at, part });
    } else {
      const [part] = item.content;
      const at = { ...place, content_index: 0 };
      this.say('response.output_text.done', {
        ...at,
        text: part?.text ?? '',
        logprobs: part?.logprobs ?? [],
      });
      this.say('response.content_part.done', { ...at, part });
    }
    this.say('response.output_item.done', { output_index: place.output_index, item });
  }

  #place = (item: OutputItem) => ({ item_id: item.id, output_index: this.items.indexOf(item) });
}

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
