/**
 * A worker's reads (scores, projections and captures) from their message to their answer. The capture session is built
 * when the first capture comes, which waits for it.
 */

import type { Capture, Divergence, FromWorker, Priority, ToWorker } from '../protocol.js';
import type { CaptureRunner } from '../run/capture-runner.js';
import type { LogitReader } from '../run/logit-reader.js';
import type { ServingRunner } from '../run/serving-runner.js';
import { ReadQueue } from '../schedule/read-queue.js';
import { comparePairs, scorePairs } from './pair-steps.js';
import { capture, type Pause, project, score } from './read-steps.js';

type ReadMessage = Extract<
  ToWorker,
  { type: 'score' | 'score pairs' | 'compare pairs' | 'project' | 'capture' }
>;

/** What a read computes, by the message that answers it. */
interface Results {
  readonly scored: Float32Array<ArrayBuffer>;
  readonly projected: Float32Array<ArrayBuffer>;
  readonly captured: Capture;
  readonly compared: Divergence;
}

/** A read's steps, and how its result is posted. */
type Steps = {
  [Type in keyof Results]: { readonly answer: Type; readonly steps: Generator<Pause, Results[Type]> };
}[keyof Results];

/** A read that is being computed. */
export type Read = {
  readonly id: number;
  readonly priority: Priority;
  readonly row: 'scratch' | 'capture';
} & Steps;

/** What the worker does for its reads. */
interface ReadHost {
  post(message: FromWorker, transfer?: readonly ArrayBuffer[]): void;
  fail(id: number, error: unknown): void;
  /** There is something to compute. */
  wake(): void;
}

interface ReadRunners {
  readonly serving: ServingRunner;
  readonly reader: LogitReader;
  /** The serving graph with another cache, which has a scratch row alone. @throws OrtError */
  comparison(): ServingRunner;
  /** Tokens of a chunk. */
  readonly readChunk: number;
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
    if (message.type === 'capture') {
      this.#addCapture(message);
      return;
    }
    const { id, request } = message;
    this.queue.add({ id, row: 'scratch', priority: request.priority, ...this.#stepsOf(message) });
  }

  #stepsOf(message: Exclude<ReadMessage, { type: 'capture' }>): Steps {
    const { serving, reader, readChunk: chunk } = this.runners;
    if (message.type === 'score')
      return { answer: 'scored', steps: score(serving, reader, message.request, chunk) };
    if (message.type === 'score pairs')
      return { answer: 'scored', steps: scorePairs(serving, reader, message.request, chunk) };
    if (message.type === 'project')
      return { answer: 'projected', steps: project(serving, message.request, chunk) };
    const comparison = () => this.runners.comparison();
    return { answer: 'compared', steps: comparePairs(serving, comparison, reader, message.request, chunk) };
  }

  #addCapture({ id, request }: Extract<ReadMessage, { type: 'capture' }>): void {
    const begin = (runner: CaptureRunner) =>
      this.queue.add({
        id,
        row: 'capture',
        priority: 'background',
        answer: 'captured',
        steps: capture(runner, request, this.runners.readChunk),
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
      const pause = this.#next(read);
      if (pause !== null) {
        if (pause === 'row is free') this.queue.pause(read);
        return;
      }
    } catch (error) {
      this.host.fail(read.id, error);
    }
    this.queue.remove(read.id);
  }

  /** @returns null when the read is done: it is answered */
  #next(read: Read): Pause | null {
    const { id } = read;
    if (read.answer === 'captured') {
      const { done, value } = read.steps.next();
      if (!done) return value;
      const { hiddenStates, attentionToPrefix } = value;
      this.host.post({ type: 'captured', id, capture: value }, [
        hiddenStates.buffer,
        attentionToPrefix.buffer,
      ]);
      return null;
    }
    if (read.answer === 'compared') {
      const { done, value } = read.steps.next();
      if (!done) return value;
      this.host.post({ type: 'compared', id, divergence: value });
      return null;
    }
    const { done, value } = read.steps.next();
    if (!done) return value;
    if (read.answer === 'scored') this.host.post({ type: 'scored', id, logProbabilities: value });
    else this.host.post({ type: 'projected', id, projections: value }, [value.buffer]);
    return null;
  }
}
