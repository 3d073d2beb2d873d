/**
 * The fit that the page makes: asked for once, followed by its events, cancelled on request. It outlives a change of view, and a page
 * that is opened while one runs follows that.
 */
import { signal } from '@preact/signals';
import type { FitEvent, FitJob, FitList } from '../../schemas/fit-jobs.js';
import { events, get, post } from '../api/client.js';
import { ApiError, inWords } from '../api/errors.js';
import { announce } from '../parts/live.js';
import { toastError } from '../parts/toasts.js';
import { model, refreshConcepts } from '../state/library.js';
import type { Pair } from './pairs.js';
import { type Stage, stagesWith } from './stages.js';

/** How it is made; what is left out is as the API does it. */
export interface Options {
  readonly recipe?: string;
  readonly method?: string;
  readonly calibrate: boolean;
  readonly seed: number;
}

export interface Wish extends Options {
  readonly name: string;
  /** What states the concept; empty for a fit from texts. */
  readonly message: string;
  /** Texts that show it, and texts that do not, pair by pair; none where a message states it. */
  readonly examples: readonly Pair[];
}

export interface Making {
  readonly name: string;
  readonly model: string;
  /** null until the server has answered. */
  readonly id: string | null;
  readonly status: FitJob['status'] | 'asking' | 'refused';
  /** What it did, and is doing last. */
  readonly stages: readonly Stage[];
  /** Layers that have a direction. */
  readonly layers: number;
  readonly error: string | null;
  /** Milliseconds since 1970, by the page's clock. */
  readonly since: number;
  /** When it was over; null until then. */
  readonly until: number | null;
}

export const making = signal<Making | null>(null);

const change = (more: Partial<Making>): void => {
  if (making.value === null) return;
  const next = { ...making.value, ...more };
  making.value = isOver(next) && next.until === null ? { ...next, until: Date.now() } : next;
};

export const isOver = ({ status }: Making): boolean =>
  status === 'succeeded' || status === 'failed' || status === 'cancelled' || status === 'refused';

const begun = (name: string, id: string): Making => ({
  ...{ name, model: id, id: null, status: 'asking', stages: [], layers: 0, error: null },
  since: Date.now(),
  until: null,
});

/** Asks for the fit and follows it to its end; what fails is told in `making`. */
export async function make({
  name,
  message,
  examples,
  recipe,
  method,
  calibrate,
  seed,
}: Wish): Promise<void> {
  const id = model.value?.id ?? '';
  making.value = begun(name, id);
  const fromPairs = examples.length > 0;
  const body = {
    name,
    model: id,
    ...(message === '' ? {} : { prefix: message }),
    ...(fromPairs
      ? {
          recipe: 'examples',
          examples: {
            positive: examples.map(([positive]) => positive),
            negative: examples.map(([, negative]) => negative),
          },
        }
      : recipe !== undefined && { recipe }),
    ...(method !== undefined && { method }),
    ...(calibrate ? {} : { calibrate }),
    ...(seed === 0 ? {} : { seed }),
  };
  let job: FitJob;
  try {
    job = await post<FitJob>('v1/fits', body);
  } catch (error) {
    change({ status: 'refused', error: inWords(error) });
    return;
  }
  await follow(job);
}

/** Follows a fit that runs already, where the page knows of none. */
export async function resume(): Promise<void> {
  if (making.value !== null) return;
  // A key that may not look at fits makes none either, and that is told when it tries.
  const { data } = await get<FitList>('v1/fits').catch(() => ({ data: [] }));
  const running = data.find(({ finished_at }) => finished_at === null);
  if (running === undefined || making.value !== null) return;
  making.value = { ...begun(running.name, running.model), since: 1000 * running.created_at };
  await follow(running);
}

/** Milliseconds until a lost connection is tried again. */
const pause = 1500;

/** Follows a fit to its end, which a connection that breaks is not: it is looked for again, and its events told anew. */
async function follow({ id, name, status }: Pick<FitJob, 'id' | 'name' | 'status'>): Promise<void> {
  change({ id, status });
  for (;;) {
    const ended = await listen(id).catch((error: unknown): Pick<FitJob, 'status' | 'error'> | null => {
      const isAnswer = error instanceof ApiError && error.status >= 400 && error.status < 500;
      if (isAnswer) return { status: 'failed', error: { code: error.code, message: error.message } };
      change({ error: 'The connection was lost. The fit goes on, and is looked for again.' });
      return null;
    });
    if (ended !== null) {
      change({ status: ended.status, error: ended.error?.message ?? null });
      announce(`The fit of ${name} has ${ended.status}.`);
      await refreshConcepts().catch(toastError);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    change({ stages: [], layers: 0 });
  }
}

/** @returns how it ended; null where its events broke off before */
async function listen(id: string): Promise<FitJob | null> {
  for await (const { data } of events(`v1/fits/${id}/events`)) hear(JSON.parse(data) as FitEvent);
  const job = await get<FitJob>(`v1/fits/${id}`);
  return job.finished_at === null ? null : job;
}

function hear(event: FitEvent): void {
  const now = making.value;
  if (now === null) return;
  if (event.type === 'progress')
    change({ stages: stagesWith(now.stages, event.data, Date.now()), status: 'running', error: null });
  else if (event.type === 'layer') change({ layers: now.layers + 1 });
  else change({ status: event.data.status, error: event.data.error?.message ?? null });
}

export async function cancel(): Promise<void> {
  const id = making.value?.id;
  if (id) await post(`v1/fits/${id}/cancel`);
}
