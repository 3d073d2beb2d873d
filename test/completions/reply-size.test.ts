/** A reply's log-probabilities have a limit: tokens times alternatives times choices, known before a token is made. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NeutralRequest } from '../../src/completions/neutral-request.js';
import { checkLogprobs, mostLogprobs } from '../../src/completions/reply-size.js';
import type { SequenceRequest } from '../../src/engine/protocol.js';

const request = { fields: { maxTokens: 'max_tokens' } } as NeutralRequest;
const sequence = (maxTokens: number, logprobs: number | undefined, promptLogprobs = false) =>
  ({ prompt: Array(1000).fill(1), maxTokens, logprobs, promptLogprobs }) as unknown as SequenceRequest;
const refused = {
  code: 'invalid_value',
  message: /at most 200000 .*lower max_tokens, n or the alternatives/,
};

test('the limit counts tokens, each with itself and its alternatives, over all choices and prompts', () => {
  const most = mostLogprobs / 10;
  checkLogprobs([sequence(most, 9)], request);
  assert.throws(() => checkLogprobs([sequence(most + 1, 9)], request), refused);
  const choices = Array.from({ length: 8 }, () => sequence(most / 8, 9));
  checkLogprobs(choices, request);
  assert.throws(() => checkLogprobs([...choices, sequence(1, 0)], request), refused);
  checkLogprobs([sequence(most - 1000, 9, true)], request);
  assert.throws(() => checkLogprobs([sequence(most - 999, 9, true)], request), refused);
  checkLogprobs([sequence(1e9, undefined)], request);
});
