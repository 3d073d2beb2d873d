/**
 * Token ids to text, one at a time. What `push` and `flush` give out adds up to
 * `tokenizer.decode(all ids)`, and a character whose bytes come in several tokens is given out whole.
 *
 * Decoding a token alone is wrong: a first token loses its leading space (Metaspace, Strip), a byte is no
 * character, a piece is glued or spaced by its neighbour (WordPiece, BPE suffixes). Decoding the whole
 * answer at every token is quadratic. So we decode a window of the last few tokens and give out what is new.
 */
import type { Tokenizer } from './tokenizer.js';

/** What a decoder writes for bytes that are no character, or not one yet. */
const replacementCharacter = '\uFFFD';

/** Window length, in tokens, at which we try to drop its first half. */
const windowLimit = 8;

/**
 * A shorter window is trusted when it decodes to at least that many UTF-16 units and ends like the longer
 * one: four units come from four bytes or more, and UTF-8 decoding that starts anywhere in a character is
 * back in step after three; they are also text that a decoder did not strip from the start.
 */
const overlap = 4;

export class IncrementalDetokenizer {
  readonly #tokenizer: Tokenizer;
  #window: number[] = [];
  /** UTF-16 units of the window's text that were given out. */
  #given = 0;

  /**
   * @param context tokens before the first one pushed (the prompt of a completion): the text then continues
   *   theirs, with the space between them. Empty for an answer that stands alone.
   * @param skipSpecialTokens whether special tokens have no text
   */
  constructor(
    tokenizer: Tokenizer,
    context: readonly number[] = [],
    readonly skipSpecialTokens = true,
  ) {
    this.#tokenizer = tokenizer;
    this.#window = context.slice(-8 * windowLimit).filter((token) => this.#hasText(token));
    this.#given = settled(this.#decode(this.#window)).length;
  }

  /** Text that is certain once `token` is known; empty while a character is unfinished. */
  push(token: number): string {
    if (!this.#hasText(token)) return '';
    this.#window.push(token);
    const text = this.#decode(this.#window);
    const delta = settled(text).slice(this.#given);
    this.#given += delta.length;
    if (this.#window.length >= windowLimit) this.#slide(text);
    return delta;
  }

  /** What was held back: an unfinished character, as U+FFFD. Call it once, after the last token. */
  flush(): string {
    const rest = this.#decode(this.#window).slice(this.#given);
    this.#given += rest.length;
    return rest;
  }

  #slide(text: string): void {
    const shorter = this.#window.slice(this.#window.length >> 1);
    const shorterText = this.#decode(shorter);
    if (shorterText.length < overlap || !text.endsWith(shorterText.slice(-overlap))) return;
    this.#given += shorterText.length - text.length;
    this.#window = shorter;
  }

  #decode(tokens: readonly number[]): string {
    return this.#tokenizer.decode(tokens, { skipSpecialTokens: this.skipSpecialTokens });
  }

  /** Tokens that decode to nothing anywhere are kept out of the window, which they would fill. */
  #hasText(token: number): boolean {
    if (token < 0 || token >= this.#tokenizer.vocabularySize) return false;
    return !this.skipSpecialTokens || !this.#tokenizer.isSpecial(token);
  }
}

/**
 * The part of a text that more tokens cannot change. Unfinished bytes at the end decode to exactly one
 * U+FFFD, whatever their number (WHATWG Encoding, "maximal subpart"); those before it are final.
 */
function settled(text: string): string {
  return text.endsWith(replacementCharacter) ? text.slice(0, -1) : text;
}
