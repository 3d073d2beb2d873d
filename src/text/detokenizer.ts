/**
 * Decodes a stream of tokens. The texts that `push` and `flush` return add up to `tokenizer.decode(all ids)`, and a
 * character whose bytes are spread over several tokens is returned whole.
 *
 * Decoding each token alone would be wrong: the first token loses its leading space (Metaspace, Strip decoders), a
 * byte token is no character, and the space between pieces depends on the neighbour (WordPiece, BPE suffixes).
 * Decoding the whole answer at each token would be quadratic. So a window of the last few tokens is decoded, and the
 * part that is new is returned.
 */
import type { Tokenizer } from './tokenizer.js';

/** What decoders write for bytes that are not valid UTF-8, or not yet. */
const replacementCharacter = '\uFFFD';

/** Length of the window, in tokens, from which on its first half is dropped where that is safe. */
const windowLimit = 8;

/**
 * UTF-16 units at the end in which the text of a shorter window must equal that of the longer one before it takes its
 * place. Four units come from at least four bytes, and a UTF-8 decoder that starts inside a character is in step again
 * after three; such a text is also longer than what decoders strip from a beginning.
 */
const overlap = 4;

export class IncrementalDetokenizer {
  readonly #tokenizer: Tokenizer;
  #window: number[] = [];
  /** UTF-16 units of the window's text that were returned already. */
  #returned = 0;

  /**
   * @param context tokens before the first one pushed, such as a completion's prompt: the text then continues theirs,
   *   with the space between the two. Empty for an answer on its own.
   * @param skipSpecialTokens whether special tokens are left out of the text
   */
  constructor(
    tokenizer: Tokenizer,
    context: readonly number[] = [],
    readonly skipSpecialTokens = true,
  ) {
    this.#tokenizer = tokenizer;
    this.#window = context.slice(-8 * windowLimit).filter((token) => this.#hasText(token));
    this.#returned = stablePart(this.#decode(this.#window)).length;
  }

  /** The text that `token` completes; empty while a character's bytes are incomplete. */
  push(token: number): string {
    if (!this.#hasText(token)) return '';
    this.#window.push(token);
    const text = this.#decode(this.#window);
    const delta = stablePart(text).slice(this.#returned);
    this.#returned += delta.length;
    if (this.#window.length >= windowLimit) this.#slide(text);
    return delta;
  }

  /** The rest of the text: an incomplete character, as U+FFFD. Call it once, after the last token. */
  flush(): string {
    const rest = this.#decode(this.#window).slice(this.#returned);
    this.#returned += rest.length;
    return rest;
  }

  /** Drops the window's first half, if the second half decodes to the same end. */
  #slide(text: string): void {
    const shorter = this.#window.slice(this.#window.length >> 1);
    const shorterText = this.#decode(shorter);
    if (shorterText.length < overlap || !text.endsWith(shorterText.slice(-overlap))) return;
    this.#returned += shorterText.length - text.length;
    this.#window = shorter;
  }

  #decode(tokens: readonly number[]): string {
    return this.#tokenizer.decode(tokens, { skipSpecialTokens: this.skipSpecialTokens });
  }

  /** Tokens that never have text are kept out of the window, so that they do not use up its length. */
  #hasText(token: number): boolean {
    if (token < 0 || token >= this.#tokenizer.vocabularySize) return false;
    return !this.skipSpecialTokens || !this.#tokenizer.isSpecial(token);
  }
}

/**
 * The part of a text that further tokens cannot change: all but a U+FFFD at its end. Incomplete bytes at the end decode
 * to exactly one U+FFFD, however many they are (WHATWG Encoding Standard: "maximal subpart"); earlier ones are final.
 */
function stablePart(text: string): string {
  return text.endsWith(replacementCharacter) ? text.slice(0, -1) : text;
}
