/** The piece of text that each token adds; special tokens are written out. Joined, the pieces are the whole text. */
import { IncrementalDetokenizer } from './detokenizer.js';
import type { Tokenizer } from './tokenizer.js';

/** One piece for each token. A character made of several tokens is the piece of the last one, the others' are empty. */
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
