/** A model's tokenizer: text to token ids and back. */

export interface EncodeOptions {
  /**
   * Whether to add the tokens that the tokenizer's template puts around a text, often a beginning-of-sequence token;
   * true by default. Turn it off for text that a chat template made, which has its own.
   */
  readonly addSpecialTokens?: boolean;
}

export interface Tokenizer {
  /** Highest token id + 1, over the vocabulary and the added tokens. The model's logits may be wider. */
  readonly vocabularySize: number;

  /** UTF-16 units of the vocabulary's longest entry; `leastTokens` needs it. */
  readonly longestToken?: number;

  /** Special tokens that are written out in the text are recognised. Blocks the thread: see `encodeText`. */
  encode(text: string, options?: EncodeOptions): number[];

  /**
   * The text such that `encode` takes special tokens that are written out in it for text. Marked in a way that only
   * `encode` understands: see literal-text.ts. Without it, a tokenizer has no special tokens
   * that could be spelt.
   */
  literal?(text: string): string;

  /** `encode` in another thread. @throws SteerdError queue_full */
  encodeInBackground?(text: string, options?: EncodeOptions): Promise<number[]>;

  /**
   * The text of these tokens, without any clean-up of its spaces. Special tokens are skipped unless
   * `skipSpecialTokens` is false. Ids that the vocabulary does not have are skipped.
   */
  decode(ids: readonly number[], options?: { skipSpecialTokens?: boolean }): string;

  /** The id of a vocabulary entry, as the vocabulary spells it. */
  tokenId(token: string): number | undefined;

  /** The vocabulary's own spelling of a token, such as `Ġworld`; undefined for an id without a token. */
  piece?(id: number): string | undefined;

  isSpecial(id: number): boolean;

  /**
   * The bytes that a token contributes inside a text, its leading space included; for a special token the bytes of its
   * name. Empty for an id without a token.
   */
  bytes(id: number): Uint8Array;
}

/** A text of somebody's that is to stand in a prompt: no special token that it spells is one. */
export const literalText = ({ literal }: Pick<Tokenizer, 'literal'>, text: string): string =>
  literal?.(text) ?? text;

/** Longer texts, in UTF-16 units, are encoded in the background: one of this length takes 50 ms at worst. */
const longText = 2048;

/**
 * Encodes a text of any length without blocking this thread for long.
 * @param length UTF-16 units of this text and of whatever else is encoded for the same request
 * @throws SteerdError queue_full
 */
export async function encodeText(
  tokenizer: Tokenizer,
  text: string,
  options: EncodeOptions = {},
  length = text.length,
): Promise<number[]> {
  if (length <= longText || tokenizer.encodeInBackground === undefined)
    return tokenizer.encode(text, options);
  return tokenizer.encodeInBackground(text, options);
}

/**
 * A lower bound for a text's number of tokens, found without encoding it: its length over that of the longest token.
 * Encoding takes about 10 ms a kilobyte where a tokenizer sees one long word (10 s for a megabyte of one letter), so a
 * caller with a limit asks here first. Only characters that the tokenizer drops (unknown ones, spaces that its
 * normalizer collapses) can make a text have fewer. 0 for a tokenizer without `longestToken`.
 */
export function leastTokens({ longestToken }: Tokenizer, text: string): number {
  return longestToken === undefined ? 0 : Math.ceil(text.length / longestToken);
}
