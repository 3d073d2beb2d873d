/**
 * Reads tool calls out of an answer as it comes, in whichever form the model writes them (tool-formats.ts), bare JSON at
 * its begin included. What may become the mark of a call is held back: no mark, and no part of one, is ever text.
 */
import { newId } from '../common/stamps.js';
import type { FinishReason } from '../engine/protocol.js';
import type { ToolCallDelta } from '../schemas/tools.js';
import { heldBack } from '../text/held-back.js';
import { argumentsText, readCallHead, ValueScan } from './call-head.js';
import { readGemmaCall } from './gemma-call.js';
import { type ToolFormat, toolFormat } from './tool-formats.js';

export type CallPart = string | ToolCallDelta;

type State =
  /** Outside of calls. */
  | 'text'
  /** Before a call of a block, or after one. */
  | 'between'
  | 'arguments'
  /** After the arguments, before the call's closing braces. */
  | 'tail';

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
  #scan = new ValueScan();
  /** Arguments that are no object yet: held until they are complete. */
  #held: string | null = null;
  #braces = 0;
  readonly #openings: readonly string[];
  readonly #closings: readonly string[];

  /**
   * @param format the model's; the blocks of Hermes are understood from everybody
   * @param names of the tools: bare JSON is a call only of one of these
   */
  constructor(
    readonly format: ToolFormat,
    readonly names: readonly string[],
  ) {
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
      case 'arguments':
        return this.#arguments(parts);
      case 'tail':
        return this.#tail();
    }
  }

  #text(parts: CallPart[], finish: FinishReason | null): boolean {
    if (this.#bare) {
      const begun = this.#bareCall(finish);
      if (begun !== null) return begun;
      if (this.#state === 'text' && this.#bare && finish === null) return false;
      this.#bare = false;
    }
    const marks = [...this.#openings, ...this.#closings];
    const found = marks
      .map((mark) => ({ mark, at: this.#rest.indexOf(mark) }))
      .filter(({ at }) => at >= 0)
      .reduce((first, one) => (one.at < first.at ? one : first), { mark: '', at: Infinity });
    const held = Math.max(...marks.map((mark) => heldBack(this.#rest, mark)));
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
    this.#rest = this.#rest.slice(found.at + found.mark.length);
    if (this.#openings.includes(found.mark)) {
      this.#state = 'between';
      this.#marked = true;
      this.#fresh = true;
    }
    return true;
  }

  /** Whether bare JSON begins a call; null when it does not, or not yet. */
  #bareCall(finish: FinishReason | null): boolean | null {
    const [lead = ''] = /^\s*(?:```(?:json|tool_code|tool_call)?\s*)?\[?\s*/.exec(this.#rest) ?? [];
    const rest = this.#rest.slice(lead.length);
    if (rest === '' || /^\s*`{1,3}[a-z_]*$/.test(this.#rest)) {
      if (finish !== null) this.#bare = false;
      return null;
    }
    const head = rest.startsWith('{') ? readCallHead(rest) : null;
    if (head === null || head.kind === 'no call') {
      this.#bare = false;
      return null;
    }
    if (head.kind === 'more') {
      // A name as far as it came: of a call that was cut, or of an object that only begins like one.
      const possible = this.names.some((name) => name.startsWith(head.name));
      if (possible && finish === 'length') {
        this.#rest = '';
        return false;
      }
      if (!possible || finish !== null) this.#bare = false;
      return null;
    }
    // An object with a name and nothing else is as likely an answer.
    if (!this.names.includes(head.name) || (head.kind === 'whole' && head.args === null)) {
      this.#bare = false;
      return null;
    }
    this.#rest = rest;
    this.#state = 'between';
    this.#marked = false;
    return true;
  }

  #between(parts: CallPart[], finish: FinishReason | null): boolean {
    const rest = this.#rest.replace(/^[\s,;\]]+/, '');
    this.#rest = rest;
    if (rest === '') return false;
    for (const mark of [...this.#openings, ...this.#closings]) {
      if (rest.startsWith(mark)) {
        this.#rest = rest.slice(mark.length);
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
    if (head.kind === 'no call' || (!this.#marked && !this.names.includes(head.name))) {
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
    this.#expectArguments(head.braces);
    return true;
  }

  /** Mistral's later form: `name[CALL_ID]id[ARGS]{...}` or `name{...}`. */
  #named(parts: CallPart[], rest: string, finish: FinishReason | null): boolean {
    const [head, name] = /^([\w.:/-]+)\s*(?:\[CALL_ID\][\w-]*)?\s*(?:\[ARGS\])?\s*(?=\{)/.exec(rest) ?? [];
    if (head !== undefined && name !== undefined) {
      this.#begin(parts, name, '');
      this.#rest = rest.slice(head.length);
      this.#expectArguments(0);
      return true;
    }
    const possible = /^[\w.:/-]+\s*(?:\[[\w\]-]*\s*)*$/.test(rest) && rest.length < 300;
    if (possible && (finish === null || (finish === 'length' && this.#fresh))) return false;
    this.#leave();
    return true;
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

  #begin(parts: CallPart[], name: string, args: string): void {
    const id = newId('call', '_');
    this.#fresh = false;
    parts.push({ index: this.#calls++, id, type: 'function', function: { name, arguments: args } });
  }

  #expectArguments(braces: number): void {
    this.#state = 'arguments';
    this.#scan = new ValueScan();
    this.#held = this.#rest.startsWith('{') ? null : '';
    this.#braces = braces;
  }

  #arguments(parts: CallPart[]): boolean {
    if (this.#rest === '' && !this.#scan.ended) return false;
    const end = this.#scan.push(this.#rest);
    const part = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end);
    const say = (text: string) => parts.push({ index: this.#calls - 1, function: { arguments: text } });
    if (this.#held !== null) this.#held += part;
    else if (part !== '') say(part);
    if (!this.#scan.ended) return false;
    if (this.#held !== null) say(argumentsText(this.#held.trim()));
    this.#state = this.#braces > 0 ? 'tail' : 'between';
    return true;
  }

  /** Skips what a call has after its arguments. */
  #tail(): boolean {
    let inString = false;
    for (let at = 0; at < this.#rest.length; at++) {
      const character = this.#rest[at];
      if (inString && character === '\\') at++;
      else if (character === '"') inString = !inString;
      else if (!inString && character === '}' && --this.#braces === 0) {
        this.#rest = this.#rest.slice(at + 1);
        this.#state = 'between';
        return true;
      }
    }
    // A string that is not there to its end is read again.
    if (!inString) this.#rest = '';
    return false;
  }

  /** Back to text. */
  #leave(): void {
    this.#state = 'text';
    this.#bare = false;
    this.#afterCall = true;
  }
}

/** Parts with neighbours of one kind put together. */
function merged(parts: readonly CallPart[]): CallPart[] {
  const result: CallPart[] = [];
  for (const part of parts) {
    const last = result.at(-1);
    if (typeof part === 'string') {
      if (typeof last === 'string') result[result.length - 1] = last + part;
      else result.push(part);
    } else if (typeof last === 'object' && last.index === part.index) {
      result[result.length - 1] = {
        ...last,
        function: { ...last.function, arguments: last.function.arguments + part.function.arguments },
      };
    } else result.push(part);
  }
  return result;
}
