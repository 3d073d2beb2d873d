/** The output items of a response as its answer comes: text, reasoning and calls, and the events of each. */
import type { FinishReason } from '../engine/protocol.js';
import type { ChatLogprobs } from '../schemas/logprobs.js';
import type { FunctionCallItem, OutputItem, OutputMessage, ReasoningItem } from '../schemas/responses.js';
import type { ToolCallDelta } from '../schemas/tools.js';
import { AnswerReader } from './answer-reader.js';
import { MadeCalls } from './call-faults.js';
import type { Piece } from './generate.js';
import { chatLogprobs } from './logprobs-reply.js';
import type { CompletionPlan } from './plan.js';

/** Emits an event of a stream; does nothing for a reply that is not streamed. */
type Say = (type: string, fields: object) => void;

type Logprobs = ChatLogprobs['content'];

/** The items of one answer as its pieces come. */
export class OutputItems {
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
