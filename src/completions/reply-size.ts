/** What a reply may hold of log-probabilities: checked before a token is made, for all of it is kept until it is sent. */
import type { SequenceRequest } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { NeutralRequest } from './neutral-request.js';

/**
 * Tokens times the log-probabilities of each, over all choices: the whole context of one choice with twenty alternatives
 * has 86,016. One takes about a hundred bytes of JSON.
 */
export const mostLogprobs = 200_000;

/** @throws SteerdError invalid_value */
export function checkLogprobs(sequences: readonly SequenceRequest[], { fields }: NeutralRequest): void {
  const count = sequences.reduce((sum, { prompt, maxTokens, logprobs, promptLogprobs }) => {
    if (logprobs === undefined) return sum;
    return sum + (logprobs + 1) * (maxTokens + (promptLogprobs ? prompt.length : 0));
  }, 0);
  if (count <= mostLogprobs) return;
  throw errors.invalidRequest(
    `the log-probabilities asked for must be at most ${mostLogprobs} (tokens of all choices times one more than the alternatives of each); received ${count}: lower ${fields.maxTokens}, n or the alternatives.`,
    'logprobs',
  );
}
