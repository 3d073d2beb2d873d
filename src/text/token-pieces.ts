/** What each token adds to a text, special tokens as they are written: the pieces add up to the text as it is read. */
import { IncrementalDetokenizer } from './detokenizer.js';
import type { Tokenizer } from './tokenizer.js';

/** A character made of several tokens is the piece of the last of them. */
export function tokenPieces(tokenizer: Tokenizer, tokens: readonly number[]): string[] {
  const detokenizer = new IncrementalDetokenizer(tokenizer);
  const pieces = tokens.map((token) =>
    tokenizer.isSpecial(token)
      ? tokenizer.decode([token], { skipSpecialTokens: false })
      : detokenizer.push(token),
  );
  const unfinished = detokenizer.flush();
  if (unfinished !== '') pieces.push((pieces.pop() ?? '') + unfinished);
  return pieces;
}
