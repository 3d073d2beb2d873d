/**
 * Reads tool calls out of an answer as it comes, in whichever form the model writes them (tool-formats.ts), bare JSON at
 * its begin included. What may become the mark of a call is held back: no mark, and no part of one, is ever text.
 */
import { newId } from '../common/stamps.js';
import type { FinishReason } from '../engine/protocol.js';
import { heldBack } from '../text/held-back.js';
import { pythonHead, readBareCall, toolNamed } from './bare-call.js';
import { readCallHead } from './call-head.js';
import { type CallPart, merged } from './call-parts.js';
import type { WrittenCall } from './call-values.js';
import { readGemmaCall } from './gemma-call.js';
import { JsonArguments } from './json-arguments.js';
import { functionMark, readNamedCall } from './named-call.js';
import { PythonCall } from './python-call.js';
import { type ToolFormat, toolFormat } from './tool-formats.js';
import type { CallableTool } from './tools.js';
import { XmlCall } from './xml-call.js';

/** Ends a call in XML; without one before it, it is text. */
const functionEnd = '</function>';

type State =
  /** Outside of calls. */
  | 'text'
  /** Before a call of a block, or after one. */
  | 'between'
  /** In a call's arguments. */
  | 'written';

export class ToolCallReader {
  #state: State = 'text';
  #rest = '';
  #calls = 0;
  /** Whether the answer's next word could begin a call without a mark. */
  #bare = true;
  /** Whether the calls being read stand in a block with a mark. */
  #marked = false;
  /** Whether that block has no call yet. */
  #fresh = false;
  #afterCall = false;
  #written: WrittenCall | null = null;
  readonly #names: readonly string[];
  readonly #openings: readonly string[];
  readonly #closings: readonly string[];

  /**
   * @param format the model's; the blocks of Hermes, and XML, are understood from everybody
   * @param tools bare JSON, and bare Python, is a call only of one of these
   */
  constructor(
    readonly format: ToolFormat,
    readonly tools: readonly Pick<CallableTool, 'name' | 'schema'>[],
  ) {
    this.#names = tools.map(({ name }) => name);
    this.#openings = [...new Set([...format.openings, ...toolFormat.hermes.openings])];
    this.#closings = [...new Set([...format.closings, ...toolFormat.hermes.closings])];
  }

  /** Calls begun so far. */
  get calls(): number {
    return this.#calls;
  }

  /**
   * What the new text adds for certain, in its order: text, and at most one delta of each call.
   * @param finish of the answer, with its last text: then also what was held back
   */
  read(text: string, finish: FinishReason | null): CallPart[] {
    this.#rest += text;
    const parts: CallPart[] = [];
    while (this.#step(parts, finish));
    return merged(parts);
  }

  /** One step; false when it waits for more text. */
  #step(parts: CallPart[], finish: FinishReason | null): boolean {
    switch (this.#state) {
      case 'text':
        return this.#text(parts, finish);
      case 'between':
        return this.#between(parts, finish);
      case 'written':
        return this.#arguments(parts, finish);
    }
  }

  #text(parts: CallPart[], finish: FinishReason | null): boolean {
    if (this.#bare) {
      const begin = readBareCall(this.#rest, this.#names, this.format.name === 'pythonic', finish);
      if (begin.kind === 'more') return false;
      this.#bare = false;
      if (begin.kind === 'cut') {
        this.#rest = '';
        return false;
      }
      if (begin.kind === 'call') {
        this.#rest = this.#rest.slice(begin.at);
        this.#state = 'between';
        this.#marked = false;
        return true;
      }
    }
    const marks = [...this.#openings, ...this.#closings, functionMark];
    const found = marks
      .map((mark) => ({ mark, at: this.#rest.indexOf(mark) }))
      .filter(({ at }) => at >= 0)
      .reduce((first, one) => (one.at < first.at ? one : first), { mark: '', at: Infinity });
    // An answer that was cut within a character of a mark ends with U+FFFD in its place.
    const whole = finish === 'length' ? this.#rest.replace(/\ufffd+$/, '') : this.#rest;
    const begun = Math.max(...marks.map((mark) => heldBack(whole, mark)));
    const held = begun > 0 ? begun + this.#rest.length - whole.length : 0;
    const end = Math.min(found.at, this.#rest.length - (finish === 'stop' && !this.#afterCall ? 0 : held));
    const part = this.#rest.slice(0, end);
    const said = this.#afterCall ? part.trimStart() : part;
    if (said !== '') {
      parts.push(said);
      this.#afterCall = false;
    }
    if (found.at === Infinity) {
      this.#rest = finish === null ? this.#rest.slice(end) : '';
      return false;
    }
    // The mark of XML is part of the call's head.
    const isHead = found.mark === functionMark;
    this.#rest = this.#rest.slice(found.at + (isHead ? 0 : found.mark.length));
    if (isHead || this.#openings.includes(found.mark)) {
      this.#state = 'between';
      this.#marked = true;
      this.#fresh = true;
    }
    return true;
  }

  #between(parts: CallPart[], finish: FinishReason | null): boolean {
    // After a call its brackets and its fence may be left.
    const rest = this.#rest.replace(this.#marked && !this.#fresh ? /^[\s,;\]`]+/ : /^[\s,;\]]+/, '');
    this.#rest = rest;
    if (rest === '') return false;
    for (const mark of [...this.#openings, ...this.#closings, functionEnd]) {
      if (rest.startsWith(mark)) {
        this.#rest = rest.slice(mark.length);
        if (mark === functionEnd) return true;
        if (this.#closings.includes(mark)) this.#leave();
        else {
          this.#marked = true;
          this.#fresh = true;
        }
        return true;
      }
      if (mark.startsWith(rest)) {
        if (finish !== null) this.#rest = '';
        return false;
      }
    }
    if (rest.startsWith('[')) {
      this.#rest = rest.slice(1);
      return true;
    }
    if (rest.startsWith('{')) return this.#json(parts, rest);
    if (!this.#marked) {
      const head = pythonHead(rest);
      if (head.kind === 'arguments' && toolNamed(head.name, this.#names) !== null)
        return this.#python(parts, head);
      const possible = head.kind === 'more' && this.#names.some((name) => name.startsWith(head.name));
      if (possible && finish !== 'stop') return false;
      const [fence] = /^`{1,3}/.exec(rest) ?? [];
      this.#rest = rest.slice(fence?.length ?? 0);
      if (finish === null && this.#rest === '') return false;
      this.#leave();
      return true;
    }
    if (this.format.name === 'gemma' && ('call:'.startsWith(rest) || rest.startsWith('call:')))
      return this.#gemma(parts, rest, finish);
    return this.#named(parts, rest, finish);
  }

  /** A call whose JSON has its name. */
  #json(parts: CallPart[], rest: string): boolean {
    const head = readCallHead(rest);
    if (head.kind === 'more') return false;
    if (head.kind === 'no call' || (!this.#marked && !this.#names.includes(head.name))) {
      this.#leave();
      return true;
    }
    if (head.kind === 'whole') {
      this.#begin(parts, head.name, head.args ?? '{}');
      this.#rest = rest.slice(head.at);
      return true;
    }
    this.#begin(parts, head.name, '');
    this.#rest = rest.slice(head.at);
    this.#expect(new JsonArguments(head.braces));
    return true;
  }

  /** A call whose name stands before its arguments. */
  #named(parts: CallPart[], rest: string, finish: FinishReason | null): boolean {
    const call = readNamedCall(rest, (name) => toolNamed(name, this.#names) !== null);
    if (call.kind === 'more' && (finish === null || (finish === 'length' && this.#fresh))) return false;
    if (call.kind === 'more' || call.kind === 'no call') {
      if (rest.startsWith(functionMark)) this.#rest = rest.slice(functionMark.length);
      this.#leave();
      return true;
    }
    if (call.kind === 'python') return this.#python(parts, call);
    const tool = this.#begin(parts, call.name, call.kind === 'none' ? '{}' : '');
    this.#rest = rest.slice(call.at);
    if (call.kind === 'json') this.#expect(new JsonArguments(0));
    else if (call.kind === 'xml') this.#expect(new XmlCall(tool?.schema ?? {}, call.syntax));
    return true;
  }

  #python(parts: CallPart[], { name, at }: { readonly name: string; readonly at: number }): boolean {
    const tool = this.#begin(parts, toolNamed(name, this.#names) ?? name, '');
    this.#rest = this.#rest.slice(at);
    this.#expect(new PythonCall(tool?.schema ?? {}));
    return true;
  }

  #arguments(parts: CallPart[], finish: FinishReason | null): boolean {
    if (this.#written === null) return false;
    const { args, used, ended } = this.#written.push(this.#rest, finish);
    this.#rest = this.#rest.slice(used);
    if (args !== '') parts.push({ index: this.#calls - 1, function: { arguments: args } });
    if (ended) this.#state = 'between';
    return ended;
  }

  #gemma(parts: CallPart[], rest: string, finish: FinishReason | null): boolean {
    const ends = this.#closings.map((mark) => rest.indexOf(mark)).filter((at) => at >= 0);
    if (ends.length === 0 && finish !== 'stop') return false;
    const end = Math.min(...ends, rest.length);
    const call = readGemmaCall(rest.slice(0, end));
    if (call !== null) this.#begin(parts, call.name, call.args);
    this.#rest = rest.slice(end);
    if (call === null && ends.length === 0) this.#rest = '';
    return true;
  }

  /** @returns the tool of that name */
  #begin(parts: CallPart[], name: string, args: string) {
    const id = newId('call', '_');
    this.#fresh = false;
    parts.push({ index: this.#calls++, id, type: 'function', function: { name, arguments: args } });
    return this.tools.find((tool) => tool.name === name);
  }

  #expect(written: WrittenCall): void {
    this.#written = written;
    this.#state = 'written';
  }

  /** Back to text. */
  #leave(): void {
    this.#state = 'text';
    this.#bare = false;
    this.#afterCall = true;
  }
}
