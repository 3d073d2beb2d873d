/**
 * An external judge: any endpoint that answers OpenAI's chat completions. Refusals for now and broken connections are
 * retried with back-off, answers that cannot be read are asked for again, and everything is counted.
 */
import { z } from 'zod';
import { backoff, pauseUnlessAborted, retryAfter } from '../common/backoff.js';
import { errors } from '../errors.js';
import type { JudgeCache } from './judge-cache.js';
import { judgeSystem, mostScore } from './judge-prompts.js';
import { readMark } from './judge-reply.js';
import type { JudgementRecord, JudgeScoreName } from './records.js';
import { Slots } from './slots.js';

export interface JudgeSettings {
  /** With or without `/v1` and `/chat/completions`. */
  readonly url: string;
  readonly model: string;
  readonly key?: string | undefined;
  /** Requests at once. */
  readonly atOnce: number;
  /** Of one request, in milliseconds. */
  readonly timeLimit: number;
  /** Of each reply. Default: 200, which a model that thinks before it answers may need more than. */
  readonly maxTokens?: number | undefined;
  /** Milliseconds before the first retry; they double. Default: 1000. */
  readonly firstPause?: number;
}

export type Judged = Pick<
  JudgementRecord,
  'score' | 'reason' | 'malformed' | 'retries' | 'prompt_tokens' | 'completion_tokens' | 'cached' | 'seconds'
>;

/** Of requests in a row that were refused for now, timed out or broke. */
const mostRetries = 8;
const longestPause = 60_000;
/** A judge that asks to wait longer than this is out of its quota, not busy. */
const longestWaitSeconds = 600;
/** Of answers in a row that cannot be read: a score is then unknown. */
const mostMalformed = 3;
const usualTokens = 200;

const Reply = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string().nullish() }) })).min(1),
  usage: z.object({ prompt_tokens: z.number().catch(0), completion_tokens: z.number().catch(0) }).nullish(),
});

type Message = { readonly role: 'system' | 'user' | 'assistant'; readonly content: string };
interface Sent {
  readonly text: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** Something that may pass. */
class Passing extends Error {
  constructor(
    message: string,
    readonly waitSeconds: number,
  ) {
    super(message);
  }
}

/**
 * How strictly the reply's form is asked for, strictest first: endpoints that refuse one are asked the next. `bare`, without
 * what models that think before they answer refuse.
 */
const forms = ['schema', 'object', 'words', 'bare'] as const;

export class JudgeClient {
  readonly #slots: Slots;
  readonly #address: string;
  /** Questions that are being asked, by key: the same one waits for the answer of the first. */
  readonly #asking = new Map<string, Promise<Judged>>();
  #form = 0;

  constructor(
    private readonly settings: JudgeSettings,
    private readonly cache: JudgeCache,
  ) {
    this.#slots = new Slots(settings.atOnce);
    const base = settings.url.replace(/\/+$/, '').replace(/\/chat\/completions$/, '');
    this.#address = `${/\/v\d+[a-z]*$/.test(base) ? base : `${base}/v1`}/chat/completions`;
  }

  /**
   * @throws SteerdError judge_failed when it cannot be reached, refuses, or is busy for too long; the signal's reason
   */
  async ask(score: JudgeScoreName, question: string, signal: AbortSignal): Promise<Judged> {
    const { model } = this.settings;
    const key = this.cache.keyOf({ model, score, system: judgeSystem, question, at: this.#address });
    const kept = await this.cache.get(key);
    if (kept !== undefined) return { ...kept, ...free };
    const before = this.#asking.get(key);
    if (before !== undefined) return { ...(await before), ...free };
    const asking = this.#slots.run(() => this.#ask(score, question, signal));
    this.#asking.set(key, asking);
    try {
      const judged = await asking;
      // What could not be read may be readable next time.
      if (judged.score !== null) await this.cache.put(key, { score: judged.score, reason: judged.reason });
      return judged;
    } finally {
      this.#asking.delete(key);
    }
  }

  async #ask(score: JudgeScoreName, question: string, signal: AbortSignal): Promise<Judged> {
    const started = performance.now();
    const counts = { malformed: 0, retries: 0, prompt_tokens: 0, completion_tokens: 0 };
    const first: Message[] = [
      { role: 'system', content: judgeSystem },
      { role: 'user', content: question },
    ];
    let messages = first;
    const done = (mark: Pick<Judged, 'score' | 'reason'>): Judged => ({
      ...mark,
      ...counts,
      cached: false,
      seconds: Math.round(performance.now() - started) / 1000,
    });
    for (;;) {
      const sent = await this.#send(messages, score, signal, counts);
      counts.prompt_tokens += sent.promptTokens;
      counts.completion_tokens += sent.completionTokens;
      const mark = readMark(sent.text, mostScore[score]);
      if (mark !== null) return done(mark);
      counts.malformed++;
      if (counts.malformed >= mostMalformed)
        return done({ score: null, reason: `unreadable: ${sent.text.slice(0, 200)}` });
      const again = `That was not the JSON object asked for. Reply with {"reason": "...", "score": n} alone, n a whole number from 0 to ${mostScore[score]}.`;
      messages = [...first, { role: 'assistant', content: sent.text }, { role: 'user', content: again }];
    }
  }

  async #send(
    messages: readonly Message[],
    score: JudgeScoreName,
    signal: AbortSignal,
    counts: { retries: number },
  ): Promise<Sent> {
    for (let failed = 0; ; ) {
      signal.throwIfAborted();
      try {
        return await this.#request(messages, score, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof Passing)) throw error;
        if (++failed > mostRetries || error.waitSeconds > longestWaitSeconds)
          throw errors.judgeFailed(this.#address, `${error.message} (${failed} tries in a row)`);
        counts.retries++;
        const first = this.settings.firstPause ?? 1000;
        const askedSeconds = error.waitSeconds;
        await pauseUnlessAborted(backoff(failed, { first, longest: longestPause, askedSeconds }), signal);
      }
    }
  }

  async #request(messages: readonly Message[], score: JudgeScoreName, signal: AbortSignal): Promise<Sent> {
    const { model, key, timeLimit } = this.settings;
    const form = this.#form;
    const limit = AbortSignal.timeout(timeLimit);
    let reply: Response;
    let text: string;
    try {
      reply = await fetch(this.#address, {
        method: 'POST',
        signal: AbortSignal.any([signal, limit]),
        headers: {
          'content-type': 'application/json',
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        },
        body: JSON.stringify({
          model,
          messages,
          ...formOf(forms[form] ?? 'bare', mostScore[score], this.settings.maxTokens ?? usualTokens),
        }),
      });
      text = await reply.text();
    } catch (error) {
      if (limit.aborted) throw new Passing(`no answer within ${timeLimit / 1000} s`, 0);
      const { message, cause } = error as Error & { cause?: { code?: string } };
      throw new Passing(cause?.code ?? message, 0);
    }
    if (reply.status === 429 || reply.status === 408 || reply.status >= 500)
      throw new Passing(`status ${reply.status}`, retryAfter(reply.headers.get('retry-after')));
    if (!reply.ok) {
      // Many endpoints know no response_format, or not this one: what they say of it differs, so all are tried.
      if ((reply.status === 400 || reply.status === 422) && form < forms.length - 1) {
        this.#form = Math.max(this.#form, form + 1);
        return this.#request(messages, score, signal);
      }
      throw errors.judgeFailed(this.#address, `status ${reply.status}: ${text.slice(0, 300)}`);
    }
    const parsed = Reply.safeParse(jsonOr(text));
    if (!parsed.success) throw new Passing('the reply is no chat completion', 0);
    const { choices, usage } = parsed.data;
    return {
      text: choices[0]?.message.content ?? '',
      promptTokens: usage?.prompt_tokens ?? 0,
      completionTokens: usage?.completion_tokens ?? 0,
    };
  }
}

/** What a mark costs that was paid for before. */
const free = {
  malformed: 0,
  retries: 0,
  prompt_tokens: 0,
  completion_tokens: 0,
  cached: true,
  seconds: 0,
} as const;

function formOf(form: (typeof forms)[number], most: number, tokens: number): object {
  if (form === 'bare') return { max_completion_tokens: tokens };
  const usual = { max_tokens: tokens, temperature: 0 };
  if (form === 'words') return usual;
  if (form === 'object') return { ...usual, response_format: { type: 'json_object' } };
  const schema = {
    type: 'object',
    properties: {
      reason: { type: 'string' },
      score: { type: 'integer', enum: Array.from({ length: most + 1 }, (_, i) => i) },
    },
    required: ['reason', 'score'],
    additionalProperties: false,
  };
  const format = { type: 'json_schema', json_schema: { name: 'mark', strict: true, schema } };
  return { ...usual, response_format: format };
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
