/** Several answers out of one request, one for each alternative of its steering, as they come. */
import type { Api } from './api.js';

const path = '/v1/chat/completions';

interface Chunk {
  readonly model: string;
  readonly choices: readonly {
    readonly index: number;
    readonly delta: { readonly content?: string | null };
    readonly finish_reason: string | null;
  }[];
  readonly usage?: { readonly completion_tokens: number } | null;
}

export interface Answers {
  readonly model: string;
  readonly texts: readonly string[];
  /** Why each ended; null while it has not. */
  readonly finishes: readonly (string | null)[];
  /** Of all of them. */
  readonly tokens: number;
}

/**
 * @param body of a chat completion, with `steering.choices`
 * @param count how many choices there are
 * @param onStep hears how far they are
 * @throws ApiError
 */
export async function answersOf(
  api: Api,
  body: object,
  count: number,
  onStep: (now: Answers) => void,
  signal: AbortSignal,
): Promise<Answers> {
  const streamed = { stream: true, stream_options: { include_usage: true, continuous_usage_stats: true } };
  const texts = Array<string>(count).fill('');
  const finishes = Array<string | null>(count).fill(null);
  let now: Answers = { model: '', texts, finishes, tokens: 0 };
  const asked = { method: 'POST', body: { ...body, ...streamed }, signal } as const;
  for await (const { model, choices, usage } of api.events<Chunk>(path, asked)) {
    for (const { index, delta, finish_reason } of choices) {
      texts[index] += delta.content ?? '';
      finishes[index] ??= finish_reason;
    }
    now = { ...now, model, tokens: usage?.completion_tokens ?? now.tokens };
    onStep(now);
  }
  return now;
}
