/**
 * The scores, projections and captures of a worker: made of messages, taken one step at a time, answered when done.
 * A capture waits for its session, which is built when the first one comes.
 */

import type { Capture, FromWorker, Priority, ToWorker } from '../protocol.js';
import type { CaptureRunner } from '../run/capture-runner.js';
import type { ServingRunner } from '../run/serving-runner.js';
import { JobQueue, type NextJob } from '../schedule/read-queue.js';
import { capture, project, score } from './chunked-reads.js';

export type JobMessage = Extract<ToWorker, { type: 'score' | 'project' | 'capture' }>;

export type Job = {
  readonly id: number;
  readonly priority: Priority;
  readonly memory: 'scratch' | 'capture';
} & (
  | { readonly steps: Generator<void, Float32Array>; readonly kind: 'score' | 'project' }
  | { readonly steps: Generator<void, Capture>; readonly kind: 'capture' }
);

export interface JobHost {
  readonly serving: ServingRunner;
  /** Tokens of a step. */
  readonly chunk: number;
  openCapture(): Promise<CaptureRunner>;
  post(message: FromWorker, transfer?: ArrayBuffer[]): void;
  fail(id: number, error: unknown): void;
  /** There is work. */
  wake(): void;
}

export class WorkerJobs {
  readonly #queue = new JobQueue<Job>();
  readonly #waiting = new Set<number>();
  #capture: CaptureRunner | null = null;

  constructor(readonly host: JobHost) {}

  get length(): number {
    return this.#queue.length;
  }

  /** Whose step is next. */
  next(): NextJob<Job> | null {
    return this.#queue.next();
  }

  add(message: JobMessage): void {
    const { id } = message;
    const { serving, chunk } = this.host;
    if (message.type === 'capture') {
      this.#addCapture(message);
      return;
    }
    const { priority } = message.request;
    const steps =
      message.type === 'score'
        ? score(serving, message.request, chunk)
        : project(serving, message.request, chunk);
    this.#queue.add({ id, kind: message.type, memory: 'scratch', priority, steps });
  }

  #addCapture({ id, request }: Extract<JobMessage, { type: 'capture' }>): void {
    const begin = (runner: CaptureRunner) =>
      this.#queue.add({
        id,
        kind: 'capture',
        memory: 'capture',
        priority: 'background',
        steps: capture(runner, request, this.host.chunk),
      });
    if (this.#capture) {
      begin(this.#capture);
      return;
    }
    this.#waiting.add(id);
    this.host.openCapture().then(
      (runner) => {
        this.#capture = runner;
        if (this.#waiting.delete(id)) begin(runner);
        this.host.wake();
      },
      (error: unknown) => this.host.fail(id, error),
    );
  }

  remove(id: number): void {
    this.#waiting.delete(id);
    this.#queue.remove(id);
  }

  /** Takes the job's next step, and answers it with its last. */
  step(job: Job): void {
    this.#queue.begin(job);
    try {
      const { id } = job;
      if (job.kind === 'capture') {
        const next = job.steps.next();
        if (!next.done) return;
        const { hiddenStates, attentionToPrefix } = next.value;
        const transfer = [hiddenStates.buffer, attentionToPrefix.buffer] as ArrayBuffer[];
        this.host.post({ type: 'captured', id, capture: next.value }, transfer);
      } else {
        const next = job.steps.next();
        if (!next.done) return;
        if (job.kind === 'score') this.host.post({ type: 'scored', id, logProbabilities: next.value });
        else
          this.host.post({ type: 'projected', id, projections: next.value }, [
            next.value.buffer as ArrayBuffer,
          ]);
      }
    } catch (error) {
      this.host.fail(job.id, error);
    }
    this.#queue.remove(job.id);
  }
}
