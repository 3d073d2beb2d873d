/**
 * Reads the arguments of a call whose parameters are elements, from behind its name:
 * `<parameter=city>Rome</parameter></function>` (Qwen3-Coder, Nemotron, Seed) and
 * `<arg_key>city</arg_key><arg_value>Rome</arg_value>` (GLM). What a text is says the parameter's schema.
 */
import type { FinishReason } from '../engine/protocol.js';
import type { Schema } from '../json-grammar/schema-parts.js';
import { GrowingObject, parameterJson, type WrittenCall, type WrittenPart } from './call-values.js';

export interface XmlSyntax {
  /** The begin of a parameter up to where its value begins; its group is the name. */
  readonly head: RegExp;
  /** What heads begin with. */
  readonly mark: string;
  /** Ends a value. */
  readonly close: string;
  /** Ends a value too, and stays: what models write that forget to close it. */
  readonly others: readonly string[];
  /** Ends the call, and is part of it. */
  readonly end: string;
}

export const xmlFunction: XmlSyntax = {
  head: /^<parameter=\s*["']?([^>"']*?)["']?\s*>/,
  mark: '<parameter=',
  close: '</parameter>',
  others: ['\n<parameter=', '</function>\n</tool_call>'],
  end: '</function>',
};

export const xmlKeys: XmlSyntax = {
  head: /^<arg_key>([\s\S]*?)<\/arg_key>\s*<arg_value>/,
  mark: '<arg_key>',
  close: '</arg_value>',
  others: ['\n<arg_key>'],
  end: '',
};

/** A longer name of a parameter is none. */
const longestHead = 1000;

export class XmlCall implements WrittenCall {
  readonly #object = new GrowingObject();

  constructor(
    readonly schema: Schema,
    readonly syntax: XmlSyntax,
  ) {}

  push(text: string, finish: FinishReason | null): WrittenPart {
    const { head, mark, end } = this.syntax;
    let args = '';
    let used = 0;
    for (;;) {
      while (/\s/.test(text[used] ?? '')) used++;
      const rest = text.slice(used);
      const ending = () => ({ args: args + this.#object.end(), used, ended: true });
      if (end !== '' && rest.startsWith(end)) {
        used += end.length;
        return ending();
      }
      const [opening, name = ''] = head.exec(rest.slice(0, longestHead)) ?? [];
      if (opening === undefined) {
        const begun = rest.startsWith(mark) && rest.length < longestHead;
        const possible = begun || mark.startsWith(rest) || end.startsWith(rest);
        if (possible && finish !== 'stop') return { args, used, ended: false };
        // Something else stands here: the call is over, its end forgotten.
        return ending();
      }
      const value = this.#value(rest, opening.length, finish);
      if (value === null) return { args, used, ended: false };
      args += this.#object.member(name.trim(), parameterJson(value.text, this.schema, name.trim()));
      used += value.end;
    }
  }

  /** The text of a value, and where it ends with its mark; null where it goes on. */
  #value(rest: string, from: number, finish: FinishReason | null): { text: string; end: number } | null {
    const { close, others, end } = this.syntax;
    const at = rest.indexOf(close, from);
    const forgotten = [...others, ...(finish === 'stop' ? [end || '</tool_call>'] : [])]
      .map((mark) => rest.indexOf(mark, from))
      .filter((found) => found >= 0 && (at < 0 || found < at));
    const stop = forgotten.length > 0 ? Math.min(...forgotten) : at;
    if (stop < 0 && finish !== 'stop') return null;
    const whole = rest.slice(from, stop < 0 ? undefined : stop);
    // A line of its own is how they are written, and no part of the value.
    const text = whole.replace(/^\r?\n/, '').replace(/\r?\n$/, '');
    return { text, end: from + whole.length + (stop >= 0 && stop === at ? close.length : 0) };
  }
}
