/** Pulls and imports: asked for, followed by their events, cancelled. They go on, and are followed on, over a change of view. */
import { signal } from '@preact/signals';
import type { ImportJob } from '../../schemas/imports.js';
import type { PullJob } from '../../schemas/pulls.js';
import { events, get, post, remove } from '../api/client.js';
import { ApiError } from '../api/errors.js';
import { announce } from '../parts/live.js';
import { toastError } from '../parts/toasts.js';
import { loadLibrary } from '../state/library.js';

export type Job = PullJob | ImportJob;
type Kind = 'pulls' | 'imports';

const kindOf = ({ object }: Job): Kind => (object === 'model.pull' ? 'pulls' : 'imports');
const pathOf = (job: Job): string => `v1/models/${kindOf(job)}/${encodeURIComponent(job.id)}`;

/** Newest first. */
export const jobs = signal<readonly Job[]>([]);

export const isOver = ({ finished_at }: Job): boolean => finished_at !== null;

const followed = new Set<string>();

function show(job: Job): void {
  const others = jobs.peek().filter(({ id }) => id !== job.id);
  jobs.value = [...others, job].sort((a, b) => b.created_at - a.created_at);
}

/** Reads which there are, and follows those that go on. @throws ApiError such as for a key that may not */
export async function readJobs(): Promise<void> {
  const lists = await Promise.all(
    (['pulls', 'imports'] as const).map((kind) =>
      get<{ readonly data: readonly Job[] }>(`v1/models/${kind}`),
    ),
  );
  for (const job of lists.flatMap(({ data }) => data)) {
    show(job);
    if (!isOver(job)) void follow(job);
  }
}

/** @throws ApiError */
export async function begin(kind: 'pull' | 'import', body: object): Promise<void> {
  const job = await post<Job>(`v1/models/${kind}`, body);
  show(job);
  void follow(job);
}

export async function cancel(job: Job): Promise<void> {
  try {
    show(await remove<Job>(pathOf(job)));
  } catch (error) {
    toastError(error);
  }
}

/** Milliseconds until a connection that was lost is tried again. */
const pause = 1500;

/** To its end, which the end of a connection is not: a request may take only so long, and a job takes what it takes. */
async function follow(job: Job): Promise<void> {
  if (followed.has(job.id)) return;
  followed.add(job.id);
  try {
    let ended = await listen(job);
    while (!isOver(ended)) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      ended = await listen(job);
    }
    announce(`${ended.name}: ${ended.status}`);
    if (ended.status === 'succeeded') await loadLibrary();
  } catch (error) {
    toastError(error);
  } finally {
    followed.delete(job.id);
  }
}

/** @returns the job as it is when its events end. @throws ApiError for a job that the server refuses to tell of */
async function listen(job: Job): Promise<Job> {
  const known = () => jobs.peek().find(({ id }) => id === job.id) ?? job;
  try {
    for await (const { event, data } of events(`${pathOf(job)}/events`)) {
      const { data: told } = JSON.parse(data) as { readonly data: object };
      if (event === 'progress') show({ ...known(), progress: told, status: 'running' } as Job);
    }
    show(await get<Job>(pathOf(job)));
  } catch (error) {
    if (error instanceof ApiError && error.status >= 400 && error.status < 500) throw error;
  }
  return known();
}
