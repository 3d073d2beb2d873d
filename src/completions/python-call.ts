/** Reads the arguments of a call in Python's syntax, from behind its opening bracket: `city="Rome", days=3)`. */
import type { FinishReason } from '../engine/protocol.js';
import type { Schema } from '../json-grammar/schema-parts.js';
import {
  GrowingObject,
  parameterJson,
  parameterNames,
  parameterTypes,
  type WrittenCall,
  type WrittenPart,
} from './call-values.js';
import { pythonJson } from './python-literal.js';

export class PythonCall implements WrittenCall {
  readonly #object = new GrowingObject();
  /** Where the search for the end of the argument goes on. */
  #at = 0;
  #depth = 0;
  /** What ends the string that the search is in. */
  #quote = '';
  /** Arguments so far that had no name. */
  #unnamed = 0;

  constructor(readonly schema: Schema) {}

  push(text: string, finish: FinishReason | null): WrittenPart {
    let args = '';
    let used = 0;
    for (;;) {
      const end = this.#argumentEnd(text, finish);
      if (end === null) break;
      args += this.#argument(text.slice(used, end));
      used = end + 1;
      this.#at = used;
      if (text[end] === ')') return { args: args + this.#object.end(), used, ended: true };
    }
    if (finish === 'stop') {
      // The model has ended in the middle: what can be read of the last argument counts.
      args += this.#argument(text.slice(used) + this.#quote, true) + this.#object.end();
      return { args, used: text.length, ended: true };
    }
    this.#at -= used;
    return { args, used, ended: false };
  }

  /** Where the argument ends, at a comma or the closing bracket; null where it goes on. */
  #argumentEnd(text: string, finish: FinishReason | null): number | null {
    for (; this.#at < text.length; this.#at++) {
      const character = text[this.#at] as string;
      const quotes = character.repeat(3);
      if (this.#quote !== '') {
        if (character === '\\') this.#at++;
        else if (text.startsWith(this.#quote, this.#at)) {
          this.#at += this.#quote.length - 1;
          this.#quote = '';
        } else if (this.#mayBecome(this.#quote, text, finish)) return null;
      } else if (character === '"' || character === "'") {
        if (this.#mayBecome(quotes, text, finish)) return null;
        this.#quote = text.startsWith(quotes, this.#at) ? quotes : character;
        this.#at += this.#quote.length - 1;
      } else if ('([{'.includes(character)) this.#depth++;
      else if (this.#depth > 0) this.#depth -= ')]}'.includes(character) ? 1 : 0;
      else if (character === ',' || character === ')') return this.#at;
    }
    return null;
  }

  /** Whether the text ends within what may be this mark. */
  #mayBecome(mark: string, text: string, finish: FinishReason | null): boolean {
    const rest = text.slice(this.#at, this.#at + mark.length);
    return finish === null && rest.length < mark.length && mark.startsWith(rest);
  }

  /** @param cut whether the text may lack its end: what cannot be read is left out then */
  #argument(text: string, cut = false): string {
    const [, given, value = text] = /^\s*([A-Za-z_][\w-]*)\s*=(?!=)([\s\S]*)$/.exec(text) ?? [];
    if (value.trim() === '') return '';
    const read = pythonJson(value);
    if (read === null && cut) return '';
    if (given !== undefined) return this.#object.member(given, read ?? this.#asText(value.trim(), given));
    const name = parameterNames(this.schema)[this.#unnamed++];
    // One object in place of the arguments has them as its members.
    const isObject = read?.startsWith('{') && read !== '{}';
    if (isObject && !(name !== undefined && parameterTypes(this.schema, name)?.has('object')))
      return this.#object.members((read as string).slice(1, -1));
    if (name === undefined)
      return this.#object.member(`argument_${this.#unnamed}`, read ?? JSON.stringify(value));
    return this.#object.member(name, read ?? this.#asText(value.trim(), name));
  }

  /** What is no literal: a word without quotes, or an expression. */
  #asText(text: string, name: string): string {
    return parameterJson(text, this.schema, name);
  }
}
