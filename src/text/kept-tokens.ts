/** A tokenizer that counts some of its special tokens as text: marks that an answer is read by. */
import { answerMarks } from './answer-marks.js';
import type { Tokenizer } from './tokenizer.js';

const known = new WeakMap<Tokenizer, ReadonlySet<number>>();

/** The marks of answers that are special tokens of their own. */
export function markTokens(tokenizer: Tokenizer): ReadonlySet<number> {
  let marks = known.get(tokenizer);
  if (marks === undefined) {
    const ids = answerMarks.flatMap((mark) => {
      const id = tokenizer.tokenId(mark);
      return id !== undefined && tokenizer.isSpecial(id) ? [id] : [];
    });
    marks = new Set(ids);
    known.set(tokenizer, marks);
  }
  return marks;
}

/** Reads and writes as `tokenizer` does, with the text of the marks kept where special tokens are skipped. */
export function keepMarks(tokenizer: Tokenizer): Tokenizer {
  const marks = markTokens(tokenizer);
  if (marks.size === 0) return tokenizer;
  const isSpecial = (id: number) => tokenizer.isSpecial(id) && !marks.has(id);
  return {
    vocabularySize: tokenizer.vocabularySize,
    encode: (text, options) => tokenizer.encode(text, options),
    decode: (ids, { skipSpecialTokens = true } = {}) =>
      tokenizer.decode(skipSpecialTokens ? ids.filter((id) => !isSpecial(id)) : ids, {
        skipSpecialTokens: false,
      }),
    tokenId: (token) => tokenizer.tokenId(token),
    isSpecial,
    bytes: (id) => tokenizer.bytes(id),
  };
}
