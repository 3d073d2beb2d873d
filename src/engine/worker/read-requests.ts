/**
 * A worker's reads (scores, projections and captures) from their message to their answer. The capture session is built
 * when the first capture comes, which waits for it.
 */

import type { Capture, FromWorker, Priority, ToWorker } from '../protocol.js';
import type { CaptureRunner } from '../run/capture-runner.js';
import type { ServingRunner } from '../run/serving-runner.js';
import { ReadQueue } from '../schedule/read-queue.js';
import { capture, project, score } from './read-steps.js';

type ReadMessage = Extract<ToWorker, { type: 'score' | 'project' | 'capture' }>;

/** A read that is being computed. */
export type Read = {
  readonly id: number;
  readonly priority: Priority;
  readonly row: 'scratch' | 'capture';
} & (
  | { readonly type: 'score' | 'project'; readonly steps: Generator<void, Float32Array<ArrayBuffer>> }
  | { readonly type: 'capture'; readonly steps: Generator<void, Capture> }
);

/** What the worker does for its reads. */
interface ReadHost {
  post(message: FromWorker, transfer?: readonly ArrayBuffer[]): void;
  fail(id: number, error: unknown): void;
  /** There is something to compute. */
  wake(): void;
}

interface ReadRunners {
  readonly serving: ServingRunner;
  /** Tokens of a chunk. */
  readonly chunk: number;
  capture(): Promise<CaptureRunner>;
}

export class ReadRequests {
  readonly queue = new ReadQueue<Read>();
  /** Captures that wait for their session. */
  readonly #waiting = new Set<number>();
  #captureRunner: CaptureRunner | null = null;

  constructor(
    readonly runners: ReadRunners,
    readonly host: ReadHost,
  ) {}

  add(message: ReadMessage): void {
    const { id } = message;
    const { serving, chunk } = this.runners;
    if (message.type === 'capture') {
      this.#addCapture(message);
      return;
    }
    const { priority } = message.request;
    const steps =
      message.type === 'score'
        ? score(serving, message.request, chunk)
        : project(serving, message.request, chunk);
    this.queue.add({ id, type: message.type, row: 'scratch', priority, steps });
  }

  #addCapture({ id, request }: Extract<ReadMessage, { type: 'capture' }>): void {
    const begin = (runner: CaptureRunner) =>
      this.queue.add({
        id,
        type: 'capture',
        row: 'capture',
        priority: 'background',
        steps: capture(runner, request, this.runners.chunk),
      });
    if (this.#captureRunner) {
      begin(this.#captureRunner);
      return;
    }
    this.#waiting.add(id);
    this.runners.capture().then(
      (runner) => {
        this.#captureRunner = runner;
        if (this.#waiting.delete(id)) begin(runner);
        this.host.wake();
      },
      (error: unknown) => {
        if (this.#waiting.delete(id)) this.host.fail(id, error);
      },
    );
  }

  remove(id: number): void {
    this.#waiting.delete(id);
    this.queue.remove(id);
  }

  /** Computes the read's next chunk, and answers the request after the last one. */
  step(read: Read): void {
    this.queue.begin(read);
    try {
      if (!this.#isDone(read)) return;
    } catch (error) {
      this.host.fail(read.id, error);
    }
    this.queue.remove(read.id);
  }

  #isDone(read: Read): boolean {
    const { id } = read;
    if (read.type === 'capture') {
      const { done, value } = read.steps.next();
      if (!done) return false;
      this.host.post({ type: 'captured', id, capture: value }, [
        value.hiddenStates.buffer,
        value.attentionToPrefix.buffer,
      ]);
      return true;
    }
    const { done, value } = read.steps.next();
    if (!done) return false;
    if (read.type === 'score') this.host.post({ type: 'scored', id, logProbabilities: value });
    else this.host.post({ type: 'projected', id, projections: value }, [value.buffer]);
    return true;
  }
}
