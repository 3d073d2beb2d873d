/** The prompt at the begin of an answer that echoes it. */
import type { SequenceRequest, TokenLogprobs } from '../engine/protocol.js';
import { tokenPieces } from '../text/token-pieces.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { ReadToken } from './monitor-reply.js';

/**
 * The prompt's text, special tokens as they are written, and its tokens when their log-probabilities are known.
 * @param logprobs of the second token on
 */
export function echoedPrompt(
  tokenizer: Tokenizer,
  { prompt }: SequenceRequest,
  logprobs: readonly TokenLogprobs[] | undefined,
): { readonly text: string; readonly read: readonly ReadToken[] } {
  const pieces = tokenPieces(tokenizer, prompt);
  const read = logprobs
    ? prompt.map((id, i): ReadToken => {
        const own = i === 0 ? null : (logprobs[i - 1] ?? null);
        return { id, text: pieces[i] ?? '', readings: [], logprobs: own };
      })
    : [];
  return { text: pieces.join(''), read };
}
