/**
 * Stop strings that count outside of marked spans only: a tool call must come to its end, whatever its JSON or its closing
 * mark has in it. Marks may be cut anywhere between pieces, as stop strings may.
 */
import { heldBack } from './held-back.js';
import { StopStringMatcher } from './stop-strings.js';

/** What a span begins and ends with. */
export interface SpanMarks {
  readonly open: string;
  readonly close: string;
}

export class StopsOutside {
  #matcher: StopStringMatcher;
  #inside = false;
  /** The end of the text so far that may be the beginning of a mark. */
  #held = '';

  /** @throws SteerdError as StopStringMatcher */
  constructor(
    readonly stops: readonly string[],
    readonly included: boolean,
    readonly marks: SpanMarks,
  ) {
    this.#matcher = new StopStringMatcher(stops, included);
  }

  get found(): string | null {
    return this.#matcher.found;
  }

  /** As StopStringMatcher.push. */
  push(piece: string): { text: string; stopped: boolean } {
    let rest = this.#held + piece;
    this.#held = '';
    let said = '';
    for (;;) {
      const mark = this.#inside ? this.marks.close : this.marks.open;
      const at = rest.indexOf(mark);
      const end = at >= 0 ? at : rest.length - heldBack(rest, mark);
      if (this.#inside) said += rest.slice(0, end);
      else {
        const { text, stopped } = this.#matcher.push(rest.slice(0, end));
        said += text;
        if (stopped) return { text: said, stopped };
      }
      if (at < 0) {
        this.#held = rest.slice(end);
        return { text: said, stopped: false };
      }
      // What may have been the beginning of a stop string is not: the mark cuts it off.
      said += this.#matcher.flush() + mark;
      this.#matcher = new StopStringMatcher(this.stops, this.included);
      this.#inside = !this.#inside;
      rest = rest.slice(at + mark.length);
    }
  }

  /** The text that was held back. Call it when the text has ended and no stop string was found. */
  flush(): string {
    const held = this.#held;
    this.#held = '';
    if (this.#inside) return held;
    const { text, stopped } = this.#matcher.push(held);
    return stopped ? text : text + this.#matcher.flush();
  }
}
