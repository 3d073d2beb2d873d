/** Fields of vLLM that speak of single tokens: which may come, and what is told of them. */
import type { SequenceRequest, TokenLogprobs } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import type { GenerationOptions, PromptLogprobs } from '../schemas/generation.js';
import type { Answer } from './generate.js';
import type { CompletionPlan } from './plan.js';
import { checkTokens } from './prompt.js';

export function promptLogprobCount({ prompt_logprobs, stream }: GenerationOptions): number | null {
  if (typeof prompt_logprobs !== 'number') return null;
  if (stream) throw errors.invalidRequest('prompt_logprobs must be left out with stream.', 'prompt_logprobs');
  return prompt_logprobs;
}

/** What the engine is asked for: one count for the answer's tokens and the prompt's. */
export function logprobsWanted(
  answer: number | null,
  prompt: number | null,
  echo: boolean,
): Pick<SequenceRequest, 'logprobs' | 'promptLogprobs'> {
  if (answer === null && prompt === null) return {};
  return { logprobs: Math.max(answer ?? 0, prompt ?? 0), promptLogprobs: echo || prompt !== null };
}

/** @throws SteerdError for tokens that are none, and for a list that leaves nothing to come */
export function tokensBarred({
  body,
  model,
  constraint,
}: {
  readonly body: GenerationOptions;
  readonly model: LoadedModel;
  readonly constraint: object | null;
}): Pick<SequenceRequest, 'allowedTokens' | 'badWords'> {
  const { allowed_token_ids: allowed, bad_words: bad } = body;
  if (allowed) {
    checkTokens('allowed_token_ids', allowed, model.engine.shape);
    if (constraint !== null) {
      throw errors.invalidRequest(
        'allowed_token_ids must be left out with response_format, structured_outputs or tools.',
        'allowed_token_ids',
      );
    }
    const ends = new Set([...model.stopTokens, ...(body.stop_token_ids ?? [])]);
    if ((body.min_tokens ?? 0) > 0 && allowed.every((token) => ends.has(token))) {
      throw errors.invalidRequest(
        'allowed_token_ids must have a token that is no stop token when min_tokens is above 0.',
        'allowed_token_ids',
      );
    }
  }
  const words = (bad ?? []).flatMap((word) =>
    [word, ` ${word.trimStart()}`].map((text) => model.tokenizer.encode(text, { addSpecialTokens: false })),
  );
  return {
    ...(allowed ? { allowedTokens: allowed } : {}),
    ...(words.length > 0 ? { badWords: words.filter((tokens) => tokens.length > 0) } : {}),
  };
}

/** A choice's `token_ids`, to be spread. */
export const tokenIds = (plan: CompletionPlan, ids: readonly number[]): { token_ids?: number[] } =>
  plan.returnTokenIds ? { token_ids: [...ids] } : {};

/** `prompt_token_ids` of a choice, to be spread. */
export function promptIds(plan: CompletionPlan, index: number): { prompt_token_ids?: number[] } {
  const prompt = plan.sequences[index]?.prompt;
  return plan.returnTokenIds && prompt ? { prompt_token_ids: [...prompt] } : {};
}

/** `prompt_logprobs` of a choice, to be spread. */
export function promptLogprobs(
  plan: CompletionPlan,
  index: number,
  answer: Answer | undefined,
): { prompt_logprobs?: PromptLogprobs } {
  const count = plan.promptLogprobs;
  const prompt = plan.sequences[index]?.prompt;
  if (count === null || prompt === undefined || answer === undefined) return {};
  const entry = (id: number, logprob: number, rank: number) => ({
    logprob: Math.max(logprob, -9999),
    rank,
    decoded_token: plan.model.tokenizer.decode([id], { skipSpecialTokens: false }),
  });
  const of = (token: number, { chosen, rank = 0, top }: TokenLogprobs) => ({
    ...Object.fromEntries(
      top.slice(0, count).map(([id, logprob], i) => [String(id), entry(id, logprob, i + 1)]),
    ),
    [token]: entry(token, chosen, rank),
  });
  return { prompt_logprobs: [null, ...answer.prompt.map((read, i) => of(prompt[i + 1] ?? 0, read))] };
}
