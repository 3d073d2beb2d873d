/** The fit that the page makes: asked for once, followed by its events, cancelled on request. It outlives a change of view. */
import { signal } from '@preact/signals';
import type { FitEvent, FitJob } from '../../schemas/fit-jobs.js';
import { events, get, post } from '../api/client.js';
import { inWords } from '../api/errors.js';
import { announce } from '../parts/live.js';
import { model, refreshConcepts } from '../state/library.js';

export interface Wish {
  readonly name: string;
  /** What states the concept; empty for a fit from texts. */
  readonly message: string;
  /** Texts that show it, and texts that do not, pair by pair; none where a message states it. */
  readonly examples: readonly (readonly [positive: string, negative: string])[];
}

export interface Making {
  readonly name: string;
  readonly model: string;
  /** null until the server has answered. */
  readonly id: string | null;
  readonly status: FitJob['status'] | 'asking' | 'refused';
  /** What it is doing; null before it begins. */
  readonly progress: FitJob['progress'];
  readonly error: string | null;
  /** Milliseconds, as `performance.now()` counts. */
  readonly since: number;
}

export const making = signal<Making | null>(null);

const change = (more: Partial<Making>): void => {
  if (making.value !== null) making.value = { ...making.value, ...more };
};

export const isOver = ({ status }: Making): boolean =>
  status === 'succeeded' || status === 'failed' || status === 'cancelled' || status === 'refused';

/** Asks for the fit and follows it to its end; what fails is told in `making`. */
export async function make({ name, message, examples }: Wish): Promise<void> {
  const id = model.value?.id ?? '';
  making.value = {
    ...{ name, model: id, id: null, status: 'asking', progress: null, error: null },
    since: performance.now(),
  };
  const what =
    examples.length > 0
      ? {
          recipe: 'examples',
          examples: {
            positive: examples.map(([positive]) => positive),
            negative: examples.map(([, negative]) => negative),
          },
          ...(message === '' ? {} : { prefix: message }),
        }
      : { prefix: message };
  try {
    const job = await post<FitJob>('v1/fits', { name, model: id, ...what });
    change({ id: job.id, status: job.status });
    for await (const { data } of events(`v1/fits/${job.id}/events`)) follow(JSON.parse(data) as FitEvent);
    const { status, error } = await get<FitJob>(`v1/fits/${job.id}`);
    change({ status, error: error?.message ?? null });
    announce(`The fit of ${name} has ${status}.`);
    await refreshConcepts();
  } catch (error) {
    change({ status: 'refused', error: inWords(error) });
  }
}

function follow(event: FitEvent): void {
  if (event.type === 'progress') change({ progress: event.data, status: 'running' });
  else if (event.type === 'status')
    change({ status: event.data.status, error: event.data.error?.message ?? null });
}

export async function cancel(): Promise<void> {
  const id = making.value?.id;
  if (id) await post(`v1/fits/${id}/cancel`);
}
