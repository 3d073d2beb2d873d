/** Answers of the model, asked for over the API: plainly, told the concept, and steered. */

import type { z } from 'zod';
import type { ChatCompletion } from '../schemas/chat.js';
import { type BenchApi, isRefusal, post, refusedWith } from './client.js';
import type { Point, Run } from './records.js';

export interface GivenAnswer {
  readonly answer: string;
  readonly tokens: number;
  readonly finish_reason: 'stop' | 'length';
  readonly seconds: number;
}

interface Asked {
  readonly prompt: string;
  readonly seed: number;
  /** States the concept before the prompt. */
  readonly message?: string | undefined;
  /** A concept of the service, and how strongly it steers. */
  readonly steering?: { readonly concept: string; readonly point: Point } | undefined;
}

type Completion = Pick<z.output<typeof ChatCompletion>, 'choices' | 'usage' | 'model'>;

/** An edit that drives the numbers out of their range leaves no answer: then that is what it does. */
const nothing = { answer: '', tokens: 0, finish_reason: 'stop' } as const;

/** @throws what the API throws; the signal's reason */
export async function answerTo(
  api: BenchApi,
  { prompt, seed, message, steering }: Asked,
  { temperature, max_tokens }: Pick<Run['options'], 'temperature' | 'max_tokens'>,
  signal: AbortSignal,
): Promise<GivenAnswer> {
  const started = performance.now();
  const ask = (messages: readonly object[]) =>
    post<Completion>(
      api,
      '/v1/chat/completions',
      {
        messages,
        max_tokens,
        temperature,
        ...(temperature > 0 && { seed, top_p: 1 }),
        steering: steering === undefined ? [] : [itemOf(steering)],
      },
      signal,
    );
  const user = (content: string) => ({ role: 'user', content });
  const seconds = () => Math.round(performance.now() - started) / 1000;
  try {
    const reply =
      message === undefined
        ? await ask([user(prompt)])
        : // A template without a place for system messages takes it with the question.
          await ask([{ role: 'system', content: message }, user(prompt)]).catch((error: unknown) => {
            if (!isRefusal(error)) throw error;
            return ask([user(`${message}\n\n${prompt}`)]);
          });
    const [choice] = reply.choices;
    return {
      answer: choice?.message.content ?? '',
      tokens: reply.usage.completion_tokens,
      finish_reason: choice?.finish_reason === 'length' ? 'length' : 'stop',
      seconds: seconds(),
    };
  } catch (error) {
    if (refusedWith(error, 'steering_too_strong')) return { ...nothing, seconds: seconds() };
    throw error;
  }
}

const itemOf = ({ concept, point }: { readonly concept: string; readonly point: Point }) => ({
  concept,
  strength: point.value,
  scale: point.scale === 'strength' ? 'calibrated' : 'raw',
});
