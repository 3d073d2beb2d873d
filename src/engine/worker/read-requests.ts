/**
 * A worker's reads (scores, projections and captures) from their message to their answer. The capture session is built
 * when the first capture comes, which waits for it.
 */

import type { Capture, CaptureRequest, Divergence, FromWorker, Priority, ToWorker } from '../protocol.js';
import type { CaptureRunner } from '../run/capture-runner.js';
import type { LogitReader } from '../run/logit-reader.js';
import type { ServingRunner } from '../run/serving-runner.js';
import type { TextRows } from '../run/text-rows.js';
import { captureGroup } from '../schedule/capture-groups.js';
import { ReadQueue } from '../schedule/read-queue.js';
import type { TogetherLimits } from '../schedule/text-groups.js';
import { comparePairs, scorePairs } from './pair-steps.js';
import { capture, captureTogether, type Pause, project, score, sharedPrefix } from './read-steps.js';

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
  /** Of a capture. */
  readonly captures?: CaptureRequest;
} & Steps;

/** What the worker does for its reads. */
interface ReadHost {
  post(message: FromWorker, transfer?: readonly ArrayBuffer[]): void;
  fail(id: number, error: unknown): void;
  /** There is something to compute. */
  wake(): void;
  /** Whether somebody waits for an answer. */
  streaming(): boolean;
}

interface ReadRunners {
  readonly serving: ServingRunner;
  readonly reader: LogitReader;
  /** The serving graph with another cache, which has a scratch row alone. @throws OrtError */
  comparison(): ServingRunner;
  /** Tokens of a chunk. */
  readonly readChunk: number;
  capture(): Promise<CaptureRunner>;
  /** What rows for several given texts take; null where there are never any. */
  readonly textLimits: TogetherLimits | null;
  /** Those rows; null while there are none. */
  readonly textRows: TextRows | null;
  /** Makes them: from when the promise resolves they are there until the model rests. */
  openTextRows(): Promise<boolean>;
  /** Lets the runner of captures read several at once, from when the promise resolves until the model rests; where it can. */
  captureTogether(): Promise<void>;
}

/** Pairs of a request that a session for several texts is built for. */
const fewestTogether = 32;

/** Milliseconds. */
const retryAfter = 60_000;

/** What makes reading faster and is read without meanwhile: begun once at a time, and after it failed not again for a while. */
class Speedup {
  #notBefore = 0;

  constructor(private readonly make: () => Promise<unknown>) {}

  begin(): void {
    if (performance.now() < this.#notBefore) return;
    this.#notBefore = Number.POSITIVE_INFINITY;
    this.make().then(
      () => {
        this.#notBefore = 0;
      },
      // What failed for want of memory may succeed later.
      () => {
        this.#notBefore = performance.now() + retryAfter;
      },
    );
  }
}

export class ReadRequests {
  readonly queue = new ReadQueue<Read>();
  /** Captures that wait for their session. */
  readonly #waiting = new Set<number>();
  #captureRunner: CaptureRunner | null = null;
  /** Builds the session for several captures. */
  readonly #together = new Speedup(() => this.runners.captureTogether());
  /** Makes rows for several texts. */
  readonly #rows = new Speedup(() => this.runners.openTextRows());

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
    if (message.type === 'score pairs') {
      const limits = message.request.pairs.length < fewestTogether ? null : this.runners.textLimits;
      const together = limits && { limits, rows: () => this.#textRows() };
      return { answer: 'scored', steps: scorePairs(serving, reader, message.request, chunk, together) };
    }
    if (message.type === 'project')
      return { answer: 'projected', steps: project(serving, message.request, chunk) };
    const comparison = () => this.runners.comparison();
    return { answer: 'compared', steps: comparePairs(serving, comparison, reader, message.request, chunk) };
  }

  /** Where several texts may be read at once. Beside streams none are: they would wait for all. */
  #textRows(): TextRows | null {
    if (this.host.streaming()) return null;
    const { textRows } = this.runners;
    if (textRows === null) this.#rows.begin();
    return textRows;
  }

  #addCapture({ id, request }: Extract<ReadMessage, { type: 'capture' }>): void {
    const begin = (runner: CaptureRunner) =>
      this.queue.add({
        id,
        row: 'capture',
        priority: 'background',
        captures: request,
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

  /** Computes the read's next chunk, or all of some captures, and answers the requests after the last one. */
  step(read: Read): void {
    const group = this.#groupOf(read);
    if (group.length > 1) {
      this.#stepTogether(group);
      return;
    }
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

  /** The captures to be read together with this one, if it is one. Beside streams none is: they would wait for all. */
  #groupOf(read: Read): readonly Read[] {
    const runner = this.#captureRunner;
    if (!read.captures || !runner?.together || this.host.streaming()) return [read];
    const waiting = this.queue.waitingFor(read.row);
    if (waiting.length < 2 || waiting[0] !== read) return [read];
    if (!runner.readsTogether) this.#together.begin();
    const end = Math.max(...read.captures.positions) + 1;
    const prefix = sharedPrefix(read.captures, runner.spec, this.runners.readChunk);
    // The first text with a prefix leaves it in the row.
    if (!runner.rowFor(end).prefix.holds(prefix)) return [read];
    const known = waiting.flatMap(({ captures }) => {
      if (!captures) return [];
      const { positions, span } = captures;
      const length = Math.max(...positions) + 1;
      const its = sharedPrefix(captures, runner.spec, this.runners.readChunk);
      const capacity = runner.capacityFor(length);
      const attends = span[1] > span[0];
      return [{ prefix: its, own: length - its.length, capacity, positions: positions.length, attends }];
    });
    return captureGroup(known, runner.mostTogether(end)).map((index) => waiting[index] ?? read);
  }

  #stepTogether(group: readonly Read[]): void {
    const runner = this.#captureRunner;
    const requests = group.flatMap(({ captures }) => captures ?? []);
    try {
      const captured = runner ? captureTogether(runner, requests, this.runners.readChunk) : [];
      captured.forEach((one, index) => {
        this.#postCapture(group[index]?.id ?? 0, one);
      });
    } catch (error) {
      for (const { id } of group) this.host.fail(id, error);
    }
    for (const { id } of group) this.queue.remove(id);
  }

  #postCapture(id: number, capture: Capture): void {
    const { hiddenStates, attentionToPrefix } = capture;
    this.host.post({ type: 'captured', id, capture }, [hiddenStates.buffer, attentionToPrefix.buffer]);
  }

  /** @returns null when the read is done: it is answered */
  #next(read: Read): Pause | null {
    const { id } = read;
    if (read.answer === 'captured') {
      const { done, value } = read.steps.next();
      if (!done) return value;
      this.#postCapture(id, value);
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
