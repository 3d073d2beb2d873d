/**
 * Splits an answer into the reasoning at its begin and the rest, as the text comes. White space around the marks belongs
 * to neither, and no mark, nor a part of one, is ever text.
 */
import type { FinishReason } from '../engine/protocol.js';
import type { ReasoningMarks } from '../text/answer-marks.js';
import { heldBack } from '../text/held-back.js';

interface Split {
  readonly reasoning: string;
  readonly text: string;
}

export class ReasoningReader {
  #state: 'before' | 'begin' | 'inside' | 'after' | 'text';
  #rest = '';

  /** @param begun whether the prompt has the opening mark already */
  constructor(
    readonly marks: ReasoningMarks,
    begun: boolean,
  ) {
    this.#state = begun ? 'begin' : 'before';
  }

  /** Whether the text so far may still become reasoning, or is in the midst of it. */
  get inside(): boolean {
    return this.#state === 'begin' || this.#state === 'inside';
  }

  /** What the new text adds for certain; with `finish` also what was held back. */
  read(added: string, finish: FinishReason | null): Split {
    this.#rest += added;
    let reasoning = '';
    let text = '';
    if (this.#state === 'before') {
      const begun = this.#rest.trimStart();
      if (begun.startsWith(this.marks.open)) {
        this.#rest = begun.slice(this.marks.open.length);
        this.#state = 'begin';
      } else if (this.marks.open.startsWith(begun) && finish !== 'stop') {
        // An answer that is cut within its opening mark has said nothing.
        if (finish === 'length') this.#rest = '';
        return { reasoning, text };
      } else this.#state = 'text';
    }
    if (this.#state === 'begin') {
      this.#rest = this.#rest.trimStart();
      if (this.#rest !== '') this.#state = 'inside';
    }
    if (this.#state === 'inside') {
      const at = this.#rest.indexOf(this.marks.close);
      if (at >= 0) {
        reasoning = this.#rest.slice(0, at).trimEnd();
        this.#rest = this.#rest.slice(at + this.marks.close.length);
        this.#state = 'after';
      } else {
        const held = heldBack(this.#rest, this.marks.close);
        const sure = finish === 'stop' ? this.#rest : this.#rest.slice(0, this.#rest.length - held);
        const end = finish === null ? sure.trimEnd().length : sure.length;
        reasoning = sure.slice(0, end);
        this.#rest = this.#rest.slice(end);
      }
    }
    if (this.#state === 'after') {
      this.#rest = this.#rest.trimStart();
      if (this.#rest !== '') this.#state = 'text';
    }
    if (this.#state === 'text') {
      text = this.#rest;
      this.#rest = '';
    }
    return { reasoning, text };
  }
}
