/** The output items of a response as they come: messages and function calls, and the events that tell of each. */
import type { FinishReason } from '../engine/protocol.js';
import type { ChatLogprobs } from '../schemas/logprobs.js';
import type { FunctionCallItem, OutputItem, OutputMessage } from '../schemas/responses.js';
import type { ToolCallDelta } from '../schemas/tools.js';
import type { Piece } from './generate.js';
import { chatLogprobs } from './logprobs-reply.js';
import type { CompletionPlan } from './plan.js';
import { ToolCallReader } from './tools.js';

/** Tells an event of a stream; a plain reply tells nobody. */
export type Say = (type: string, fields: object) => void;

type Logprobs = ChatLogprobs['content'];

export class ResponseOutput {
  readonly items: OutputItem[] = [];
  readonly #reader: ToolCallReader | null;
  #open: OutputItem | null = null;
  /** Of tokens whose text is still held back. */
  #waiting: Logprobs = [];

  constructor(
    readonly plan: CompletionPlan,
    readonly say: Say,
  ) {
    this.#reader = plan.callsTools ? new ToolCallReader() : null;
  }

  /** Without tools the answer is one message, even an empty one. */
  begin(): void {
    if (this.#reader === null) this.#message();
  }

  take({ text, read, finish }: Piece): void {
    this.#waiting.push(...(chatLogprobs(this.plan, read)?.content ?? []));
    const parts = this.#reader === null ? [text] : this.#reader.read(text, finish !== null);
    for (const part of parts) {
      if (typeof part === 'string') this.#text(part);
      else this.#call(part);
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

  #taken(): Logprobs {
    const logprobs = this.#waiting;
    this.#waiting = [];
    return logprobs;
  }

  #call({ id, function: { name, arguments: delta } }: ToolCallDelta): void {
    // A call's tokens are no text's.
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
    const id = this.plan.id.replace(/^resp_/, 'msg_') + (first ? '' : `_${this.items.length}`);
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
