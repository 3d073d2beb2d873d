/** Log-probabilities of a choice's tokens in OpenAI's two shapes, whole or in chunks, and of its prompt's in vLLM's. */
import type { TokenLogprobs } from '../engine/protocol.js';
import type { PromptLogprobs } from '../schemas/generation.js';
import type { ChatLogprobs, TextLogprobs } from '../schemas/logprobs.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { Answer, ReadToken } from './generate.js';
import type { CompletionPlan } from './plan.js';

/** JSON has no infinities; OpenAI's floor is the same. */
const floor = (logprob: number) => Math.max(logprob, -9999);

const lenient = new TextDecoder();
const strict = new TextDecoder('utf-8', { fatal: true });

/** Tokens of a chat's answer; null when none were asked for. */
export function chatLogprobs(plan: CompletionPlan, tokens: readonly ReadToken[]): ChatLogprobs | null {
  const { logprobs: count } = plan.request.answer;
  if (count === null) return null;
  const { tokenizer } = plan.model;
  const entry = (id: number, logprob: number) => {
    const bytes = tokenizer.bytes(id);
    const token = plan.request.reply.namesById ? idName(id) : lenient.decode(bytes);
    return { token, logprob: floor(logprob), bytes: [...bytes] };
  };
  const content = tokens.flatMap(({ id, logprobs }) =>
    logprobs
      ? [
          {
            ...entry(id, logprobs.chosen),
            top_logprobs: logprobs.top.slice(0, count).map(([other, logprob]) => entry(other, logprob)),
          },
        ]
      : [],
  );
  return { content, refusal: null };
}

/** As vLLM names a token by its id. */
const idName = (id: number) => `token_id:${id}`;

/** A token as a key: bytes that are no whole character are escaped, so that different tokens have different keys. */
function keyOf(tokenizer: Tokenizer, id: number): string {
  const bytes = tokenizer.bytes(id);
  try {
    return strict.decode(bytes);
  } catch {
    return `bytes:${[...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`;
  }
}

/** Log-probabilities of one choice of a text completion; keeps the text offset from chunk to chunk. */
export class TextLogprobsWriter {
  #offset = 0;

  constructor(readonly plan: CompletionPlan) {}

  /** The next tokens; null when none were asked for. */
  take(tokens: readonly ReadToken[]): TextLogprobs | null {
    const { model, request } = this.plan;
    const { logprobs: count } = request.answer;
    if (count === null) return null;
    const offsets = tokens.map(({ text }) => {
      const offset = this.#offset;
      this.#offset += [...text].length;
      return offset;
    });
    const name = (id: number) => (request.reply.namesById ? idName(id) : keyOf(model.tokenizer, id));
    return {
      tokens: tokens.map(({ id }) => name(id)),
      token_logprobs: tokens.map(({ logprobs }) => (logprobs ? floor(logprobs.chosen) : null)),
      top_logprobs: tokens.map(({ id, logprobs }) => topOf(name, id, logprobs, count)),
      text_offset: offsets,
    };
  }
}

/** The likeliest tokens by their text, with the one that came among them (OpenAI API reference, `logprobs`). */
function topOf(
  name: (id: number) => string,
  id: number,
  logprobs: TokenLogprobs | null | undefined,
  count: number,
) {
  if (!logprobs) return null;
  const entries = [...logprobs.top.slice(0, count), [id, logprobs.chosen] as const];
  const top = new Map<string, number>();
  for (const [other, logprob] of entries) {
    const key = name(other);
    if (!top.has(key)) top.set(key, floor(logprob));
  }
  return Object.fromEntries(top);
}

/** `prompt_logprobs` of a choice, to be spread. */
export function promptLogprobs(
  { model, request, choices }: CompletionPlan,
  index: number,
  answer: Answer | undefined,
): { prompt_logprobs?: PromptLogprobs } {
  const count = request.answer.promptLogprobs;
  const prompt = choices[index]?.sequence.prompt;
  if (count === null || prompt === undefined || answer === undefined) return {};
  const entry = (id: number, logprob: number, rank: number) => ({
    logprob: floor(logprob),
    rank,
    decoded_token: model.tokenizer.decode([id], { skipSpecialTokens: false }),
  });
  const of = (token: number, { chosen, rank = 0, top }: TokenLogprobs) => ({
    ...Object.fromEntries(
      top.slice(0, count).map(([id, logprob], i) => [String(id), entry(id, logprob, i + 1)]),
    ),
    [token]: entry(token, chosen, rank),
  });
  return { prompt_logprobs: [null, ...answer.promptLogprobs.map((read, i) => of(prompt[i + 1] ?? 0, read))] };
}
