/** The sweep that runs: a request for each prompt, so that answers show as they come. It outlives a change of view. */
import { signal } from '@preact/signals';
import type { Sweep } from '../../schemas/measurements.js';
import { post } from '../api/client.js';
import { inWords, isAbort } from '../api/errors.js';
import { announce } from '../parts/live.js';
import { model } from '../state/library.js';
import type { SweptAnswer } from './scores.js';

export interface Run {
  readonly model: string;
  readonly concepts: readonly string[];
  readonly strengths: readonly number[];
  readonly prompts: readonly string[];
  readonly answers: readonly SweptAnswer[];
  /** How many prompts are answered. */
  readonly done: number;
  readonly state: 'running' | 'done' | 'stopped' | { readonly error: string };
}

export const run = signal<Run | null>(null);

let stopping: AbortController | null = null;

export const isRunning = (one: Run | null): boolean => one?.state === 'running';

export type Asked = Pick<Run, 'concepts' | 'strengths' | 'prompts'> & { readonly maxTokens: number };

/** As the API takes it. */
export const sweepBody = ({ maxTokens, ...asked }: Asked, id: string) => ({
  model: id,
  prompts: asked.prompts,
  concepts: asked.concepts,
  strengths: asked.strengths,
  max_tokens: maxTokens,
});

export async function sweep(wanted: Asked): Promise<void> {
  const { maxTokens: _, ...asked } = wanted;
  stopping?.abort();
  const controller = new AbortController();
  stopping = controller;
  const id = model.value?.id ?? '';
  let now: Run = { ...asked, model: id, answers: [], done: 0, state: 'running' };
  const show = (part: Partial<Run>) => {
    now = { ...now, ...part };
    if (stopping === controller) run.value = now;
  };
  show({});
  try {
    for (const [index, prompt] of asked.prompts.entries()) {
      const { data } = await post<Sweep>(
        'v1/steering/sweep',
        sweepBody({ ...wanted, prompts: [prompt] }, id),
        { signal: controller.signal },
      );
      show({
        answers: [...now.answers, ...data.map((one) => ({ ...one, prompt: index }))],
        done: index + 1,
      });
    }
    show({ state: 'done' });
    announce(`${now.answers.length} answers are there.`);
  } catch (error) {
    show({ state: isAbort(error) ? 'stopped' : { error: inWords(error) } });
  }
}

export const stop = (): void => stopping?.abort();
