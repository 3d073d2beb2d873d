/** Reads the arguments of a call written as JSON, and what stands behind them up to the call's end. */
import { argumentsText, ValueScan } from './call-head.js';
import type { WrittenCall, WrittenPart } from './call-values.js';

export class JsonArguments implements WrittenCall {
  readonly #scan = new ValueScan();
  /** Arguments that are no object yet: held until they are complete. Null for an object, told as it comes. */
  #held: string | null = '';
  #begun = false;
  #inString = false;
  #escaped = false;

  /** @param braces that close the call behind its arguments */
  constructor(private braces: number) {}

  push(text: string): WrittenPart {
    let args = '';
    let used = 0;
    if (!this.#scan.ended) {
      if (!this.#begun && text !== '') {
        this.#begun = true;
        if (text.startsWith('{')) this.#held = null;
      }
      used = this.#scan.push(text);
      const part = text.slice(0, used);
      if (this.#held === null) args = part;
      else this.#held += part;
      if (!this.#scan.ended) return { args, used, ended: false };
      if (this.#held !== null) args = argumentsText(this.#held.trim());
    }
    while (this.braces > 0 && used < text.length) this.#skip(text[used++] as string);
    return { args, used, ended: this.braces === 0 };
  }

  /** One character of what a call has after its arguments. */
  #skip(character: string): void {
    if (this.#escaped) this.#escaped = false;
    else if (this.#inString && character === '\\') this.#escaped = true;
    else if (character === '"') this.#inString = !this.#inString;
    else if (!this.#inString && character === '}') this.braces--;
  }
}
