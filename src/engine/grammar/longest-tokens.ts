/**
 * Splits text into tokens, the longest that fits at each place. A tokenizer may choose others: that is a guess at how a
 * model writes a text, good for drafts, and not for prompts.
 */
import { inByteAlphabet } from '../../common/byte-alphabet.js';

export class LongestTokens {
  readonly #ids = new Map<string, number>();
  readonly #longest: number = 0;

  /** @param tokens by id, in the alphabet for bytes; empty for a token that no text may contain */
  constructor(tokens: readonly string[]) {
    for (const [id, text] of tokens.entries()) {
      if (text === '' || this.#ids.has(text)) continue;
      this.#ids.set(text, id);
      this.#longest = Math.max(this.#longest, text.length);
    }
  }

  /** The first tokens of a text, at most `most`; fewer where the vocabulary has none for its next byte. */
  of(text: string, most: number): number[] {
    const bytes = inByteAlphabet(new TextEncoder().encode(text));
    const ids: number[] = [];
    for (let at = 0; at < bytes.length && ids.length < most; ) {
      let length = Math.min(this.#longest, bytes.length - at);
      while (length > 0 && !this.#ids.has(bytes.slice(at, at + length))) length--;
      const id = this.#ids.get(bytes.slice(at, at + length));
      if (id === undefined) break;
      ids.push(id);
      at += length;
    }
    return ids;
  }
}
