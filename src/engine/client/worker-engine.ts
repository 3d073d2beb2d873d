/** The Engine interface on the HTTP thread, implemented by messages to a worker thread (worker/worker.ts). */
import { Worker } from 'node:worker_threads';
import { errors } from '../../errors.js';
import { terminateRun } from '../../ort/binding.js';
import type { Engine, EngineLoad } from '../engine.js';
import { ConstraintCheck } from '../grammar/constraint-check.js';
import type {
  ActivationEdit,
  Capture,
  CaptureRequest,
  ConstraintSource,
  Divergence,
  FromWorker,
  GrammarVocabulary,
  ModelShape,
  PairsRequest,
  Priority,
  ProjectRequest,
  ScoreRequest,
  SequenceRequest,
  SequenceStep,
  ToWorker,
  WireError,
} from '../protocol.js';
import type { WorkerSettings } from '../worker-settings.js';
import { AsyncQueue } from './async-queue.js';
import { checkCapture, checkPairs, checkProject, checkScore, checkSequence } from './request-limits.js';

export interface EngineSettings extends WorkerSettings {
  /** Name for error messages. */
  readonly model: string;
  /** Interactive sequences that may wait for a slot. */
  readonly queue: number;
  /**
   * The tokenizer's tokens, for constrained answers; without them constraints are refused. It is called by the first
   * request with a constraint, since the list takes as much memory as the tokenizer.
   */
  readonly vocabulary?: () => GrammarVocabulary;
}

/** A request that waits for messages of the worker: a sequence has `steps`, a read has `answer`. */
interface Waiter {
  readonly steps?: AsyncQueue<SequenceStep>;
  readonly answer?: (value: Capture | Divergence | Float32Array) => void;
  readonly fail: (error: Error) => void;
  /** The request's field that has the constraint. */
  readonly constraintField?: string | undefined;
  /** Whether an edit is applied. */
  readonly steered?: boolean;
}

export class WorkerEngine implements Engine {
  /** By request id. */
  readonly #waiters = new Map<number, Waiter>();
  readonly #interactive = new Set<number>();
  #constraints: ConstraintCheck | 'no end token' | null = null;
  #nextId = 1;
  #running = 0;
  #closed: Error | null = null;
  /** Moving average of the seconds that a sequence takes, for Retry-After. */
  #sequenceSeconds = 1;
  /** Resolves when the worker is gone, with the reason. */
  readonly died: Promise<Error>;

  private constructor(
    readonly settings: EngineSettings,
    readonly worker: Worker,
    readonly shape: ModelShape,
    /** Handle of the worker's run options, to end its run in progress. */
    readonly runOptions: bigint,
    /** cuda, webgpu or cpu. */
    readonly device: string,
    /** For the log: what is unexpected about how it was loaded. */
    readonly warnings: readonly string[],
    /** For the log: what is as it should be. */
    readonly notes: readonly string[],
  ) {
    worker.on('message', (message: FromWorker) => this.#receive(message));
    this.died = new Promise((resolve) => {
      const gone = (reason: string) => {
        this.#closed ??= errors.engineFailed(settings.model, reason);
        const error = this.#closed;
        this.#running = 0;
        for (const waiter of this.#waiters.values()) waiter.fail(error);
        this.#waiters.clear();
        this.#interactive.clear();
        resolve(error);
      };
      worker.once('error', (error: Error) => gone(error.message));
      worker.once('exit', (code) => gone(`its worker ended with code ${code}`));
    });
  }

  /**
   * Starts a worker and waits until its model is loaded.
   * @throws SteerdError model_unavailable with the reason.
   */
  static async start(settings: EngineSettings): Promise<WorkerEngine> {
    const { model: _, queue: __, vocabulary: ___, ...workerData } = settings;
    const worker = new Worker(new URL('../worker/worker.js', import.meta.url), {
      workerData: workerData satisfies WorkerSettings,
    });
    const ready = await new Promise<Extract<FromWorker, { type: 'ready' }>>((resolve, reject) => {
      const refuse = (reason: string) => reject(errors.modelUnavailable(settings.model, reason));
      worker.once('message', (message: FromWorker) => {
        if (message.type === 'ready') resolve(message);
        else refuse(message.type === 'refused' ? message.error.message : 'it did not become ready');
      });
      worker.once('error', (error: Error) => refuse(error.message));
      worker.once('exit', (code) => refuse(`its worker ended with code ${code}`));
    });
    const { shape, runOptions, device, warnings, notes } = ready;
    return new WorkerEngine(settings, worker, shape, runOptions, device, warnings, notes);
  }

  #send(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  #receive(message: FromWorker): void {
    if (message.type === 'step') {
      this.#running = message.running;
      for (const { id, ...step } of message.results) this.#waiters.get(id)?.steps?.push(step);
      return;
    }
    if (message.type === 'ready') return;
    if (message.type === 'refused') {
      // The worker ends by itself after this message.
      this.#closed ??= errors.engineFailed(this.settings.model, message.error.message);
      return;
    }
    const waiter = this.#waiters.get(message.id);
    this.#waiters.delete(message.id);
    if (message.type === 'captured') waiter?.answer?.(message.capture);
    else if (message.type === 'scored') waiter?.answer?.(message.logProbabilities);
    else if (message.type === 'compared') waiter?.answer?.(message.divergence);
    else if (message.type === 'projected') waiter?.answer?.(message.projections);
    else waiter?.fail(this.#failure(message.error, waiter));
  }

  #failure({ brokenLayer, constraint, message }: WireError, { steered, constraintField }: Waiter): Error {
    const { model } = this.settings;
    if (brokenLayer !== undefined)
      return steered ? errors.steeringTooStrong(brokenLayer) : errors.numbersBroke(model, brokenLayer);
    if (constraint) return errors.constraintRefused(constraintField ?? 'constraint', message);
    // While the engine closes, the run in progress is terminated and fails: then the reason is that it closes.
    return this.#closed ?? errors.engineFailed(model, message);
  }

  async *generate(request: SequenceRequest, signal?: AbortSignal): AsyncGenerator<SequenceStep, void> {
    checkSequence(request, this.shape);
    // The worker finds the marks in the vocabulary.
    if (request.quiet) this.#constraints ??= this.#openConstraints();
    if (request.constraint) await this.checkConstraint(request.constraint, request.constraintField, signal);
    signal?.throwIfAborted();
    const id = this.#admit(request);
    const steps = new AsyncQueue<SequenceStep>();
    const stop = () => steps.fail(signal?.reason as Error);
    const { constraintField } = request;
    const steered = request.edit.length > 0;
    this.#waiters.set(id, { steps, constraintField, steered, fail: (error) => steps.fail(error) });
    signal?.addEventListener('abort', stop, { once: true });
    const started = performance.now();
    let finished = false;
    try {
      this.#send({ type: 'generate', id, request });
      while (!finished) {
        const step = await steps.next();
        finished = step.finish !== null;
        if (finished)
          this.#sequenceSeconds += ((performance.now() - started) / 1000 - this.#sequenceSeconds) / 8;
        yield step;
      }
    } finally {
      signal?.removeEventListener('abort', stop);
      this.#interactive.delete(id);
      // Without a waiter the sequence has failed, and the worker no longer has it.
      if (this.#waiters.delete(id) && !finished) this.#send({ type: 'cancel', id });
    }
  }

  async checkConstraint(source: ConstraintSource, field = 'constraint', signal?: AbortSignal): Promise<void> {
    this.#constraints ??= this.#openConstraints();
    if (this.#constraints === 'no end token')
      throw errors.constraintRefused(
        field,
        `model ${this.settings.model} has no end token to close an answer with`,
      );
    await this.#constraints.check(source, field, signal);
  }

  #openConstraints(): ConstraintCheck | 'no end token' {
    const vocabulary = this.settings.vocabulary?.();
    if (!vocabulary || vocabulary.endTokens.length === 0) return 'no end token';
    this.#send({ type: 'vocabulary', vocabulary });
    return new ConstraintCheck({ vocabulary, size: this.shape.vocabularySize });
  }

  #admit({ priority }: { readonly priority: Priority }): number {
    if (this.#closed) throw this.#closed;
    const id = this.#nextId++;
    if (priority === 'background') return id;
    const { queue, slots } = this.settings;
    if (this.#interactive.size >= slots + queue) {
      const seconds = Math.ceil((this.#sequenceSeconds * Math.max(1, queue)) / slots);
      throw errors.queueFull(queue, Math.min(60, Math.max(1, seconds)));
    }
    this.#interactive.add(id);
    return id;
  }

  async capture(request: CaptureRequest, signal?: AbortSignal): Promise<Capture> {
    checkCapture(request, this.shape);
    return this.#ask<Capture>((id) => ({ type: 'capture', id, request }), { priority: 'background' }, signal);
  }

  async score(request: ScoreRequest, signal?: AbortSignal): Promise<Float32Array> {
    checkScore(request, this.shape);
    return this.#ask<Float32Array>((id) => ({ type: 'score', id, request }), request, signal);
  }

  async scoreMany(request: PairsRequest, signal?: AbortSignal): Promise<Float32Array[]> {
    checkPairs(request, this.shape);
    const all = await this.#ask<Float32Array>(
      (id) => ({ type: 'score pairs', id, request }),
      { ...request, edit: request.edits?.flat() },
      signal,
    );
    return eachAnswer(request).map(([from, to]) => all.subarray(from, to));
  }

  async divergenceMany(request: PairsRequest, signal?: AbortSignal): Promise<Divergence[]> {
    checkPairs(request, this.shape);
    const all = await this.#ask<Divergence>(
      (id) => ({ type: 'compare pairs', id, request }),
      { ...request, edit: request.edits?.flat() },
      signal,
    );
    return eachAnswer(request).map(([from, to]) => ({
      steered: all.steered.subarray(from, to),
      unsteered: all.unsteered.subarray(from, to),
      divergence: all.divergence.subarray(from, to),
    }));
  }

  async project(request: ProjectRequest, signal?: AbortSignal): Promise<Float32Array> {
    checkProject(request, this.shape);
    return this.#ask<Float32Array>((id) => ({ type: 'project', id, request }), request, signal);
  }

  async #ask<T extends Capture | Divergence | Float32Array>(
    message: (id: number) => ToWorker,
    request: { readonly priority: Priority; readonly edit?: ActivationEdit | undefined },
    signal: AbortSignal | undefined,
  ): Promise<T> {
    signal?.throwIfAborted();
    const id = this.#admit(request);
    return new Promise<T>((resolve, reject) => {
      const abort = () => {
        this.#interactive.delete(id);
        if (this.#waiters.delete(id)) this.#send({ type: 'cancel', id });
        reject(signal?.reason as Error);
      };
      const settle =
        <V>(how: (value: V) => void) =>
        (value: V) => {
          signal?.removeEventListener('abort', abort);
          this.#interactive.delete(id);
          how(value);
        };
      this.#waiters.set(id, {
        steered: (request.edit ?? []).length > 0,
        answer: settle((value) => resolve(value as T)),
        fail: settle(reject),
      });
      signal?.addEventListener('abort', abort, { once: true });
      this.#send(message(id));
    });
  }

  /** Lets the worker have that many bytes for beginnings of prompts; it gives back at once what is more. */
  keep(bytes: number): void {
    if (!this.#closed) this.#send({ type: 'keep', bytes });
  }

  load(): EngineLoad {
    return {
      running: this.#running,
      waiting: Math.max(0, this.#interactive.size - this.settings.slots),
    };
  }

  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = errors.modelUnavailable(this.settings.model, 'it was unloaded');
      this.#send({ type: 'close' });
      // The worker reads the message only after the run in progress.
      terminateRun(this.runOptions);
    }
    if (this.#constraints instanceof ConstraintCheck) await this.#constraints.close();
    await this.died;
  }
}

/** Where the numbers of each pair's answer lie in those of all: [from, to). */
function eachAnswer({ answers, pairs }: PairsRequest): (readonly [from: number, to: number])[] {
  let to = 0;
  return pairs.map(([, answer]) => {
    const from = to;
    to += answers[answer]?.length ?? 0;
    return [from, to];
  });
}
