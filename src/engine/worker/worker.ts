/**
 * A model's worker thread. It loads the model, then loops: schedule, run, sample, post. It is told what to do by the
 * messages of protocol.ts, and answers with those.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ConstraintDeadEnd } from '../grammar/constraints.js';
import { OpenModel } from '../load/open-model.js';
import type { FromWorker, SequenceRequest, SequenceResult, ToWorker } from '../protocol.js';
import { withMonitored } from '../run/steering-tensors.js';
import { Sampler } from '../sampling/sampler.js';
import { type PrefillChunk, Scheduler } from '../schedule/scheduler.js';
import { Sequence } from '../schedule/sequence.js';
import { Turns } from '../schedule/turns.js';
import type { WorkerSettings } from '../worker-settings.js';
import { ConstrainedSequences } from './constrained-sequences.js';
import { PrefixReuse } from './prefix-reuse.js';
import { type Read, ReadRequests } from './read-requests.js';

/** How long nothing must have come before memory is given back: one request of a fit follows another within less. */
const restMilliseconds = 2000;

class EngineLoop {
  readonly #scheduler: Scheduler;
  readonly #turns: Turns<Read>;
  readonly #sampler: Sampler;
  readonly #reads: ReadRequests;
  readonly #constrained: ConstrainedSequences;
  readonly #prefixes: PrefixReuse;
  /** The number of running sequences that was posted last. */
  #reported = 0;
  /** Ends the wait for something to compute. */
  #wake: (() => void) | null = null;
  #closed = false;

  constructor(
    readonly port: MessagePort,
    readonly model: OpenModel,
  ) {
    const { slots, vocabularySize } = model.shape;
    this.#prefixes = new PrefixReuse(model.prefixes, model.serving.cache, model.sharesPrefixes);
    this.#scheduler = new Scheduler(slots, model.chunk, (sequence, slot) =>
      this.#prefixes.begin(sequence, slot),
    );
    this.#sampler = new Sampler(vocabularySize);
    this.#constrained = new ConstrainedSequences(vocabularySize, () => this.#wake?.());
    this.#reads = new ReadRequests(model, {
      post: (message, transfer = []) => this.port.postMessage(message, transfer),
      fail: (id, error) => this.#postFailure(id, error),
      wake: () => this.#wake?.(),
    });
    this.#turns = new Turns(this.#scheduler, this.#reads.queue);
  }

  /** Until a `close` message. */
  async run(): Promise<void> {
    while (!this.#closed) {
      this.#constrained.receive();
      if (this.#scheduler.idle && this.#reads.queue.length === 0) await this.#woken();
      this.#wake = null;
      this.#turn();
      // Lets messages in, so that a cancel takes effect before the next turn.
      await nextTurn();
    }
  }

  /** Waits for something to compute. When nothing comes for a while, memory is given back. */
  async #woken(): Promise<void> {
    const rest = setTimeout(() => {
      if (this.#scheduler.all().length === 0) this.model.forgetWork();
    }, restMilliseconds);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    clearTimeout(rest);
  }

  /** One turn of the loop. */
  #turn(): void {
    const { prefill, read, decode, decodePriority } = this.#turns.next();
    const results: SequenceResult[] = [];
    if (prefill) this.#turns.timed(prefill.sequence.request.priority, () => this.#prefill(prefill, results));
    if (read)
      this.#turns.timed(read.urgent ? 'interactive' : 'background', () => this.#reads.step(read.read));
    if (decode.length > 0) this.#turns.timed(decodePriority, () => this.#decode(decode, results));
    for (const { id, finish } of results) if (finish) this.#remove(id);
    this.#postStep(results);
  }

  /** Computes a chunk of a prompt. The last chunk gives the logits of the first token. */
  #prefill({ sequence, slot, from, to }: PrefillChunk, results: SequenceResult[]): void {
    const { edit, monitored, readsPrompt } = sequence;
    const { prompt } = sequence.request;
    const isLast = to === prompt.length;
    const scored = readsPrompt ? to - from : isLast ? 1 : 0;
    sequence.begun ??= performance.now();
    try {
      const { logits, projections } =
        this.#prefixes.known(sequence) ??
        this.model.serving.chunk(
          slot,
          prompt.slice(from, to),
          from,
          edit,
          scored,
          isLast && monitored.length > 0,
        );
      sequence.computed = to;
      this.#prefixes.computed(sequence, slot);
      if (readsPrompt) sequence.readPrompt(logits, from, to);
      if (!isLast) return;
      this.#prefixes.ended(sequence, logits);
      this.#scheduler.promote(sequence);
      const timing = {
        queued: sequence.begun - sequence.arrived,
        prefill: performance.now() - sequence.begun,
        cached: sequence.cached,
      };
      const lastLogits = logits.subarray(-this.model.shape.vocabularySize);
      const projected = projections?.read(0, to - from - 1, monitored) ?? null;
      results.push({ timing, ...this.#sample(sequence, lastLogits, projected) });
    } catch (error) {
      this.#fail(sequence.id, error);
    }
  }

  /** One token of every running sequence. */
  #decode(sequences: readonly Sequence[], results: SequenceResult[]): void {
    const failed = new Map<number, unknown>();
    try {
      const decoded = this.model.serving.decode(sequences);
      this.#constrained.receive();
      for (const { sequence, logits, projections } of decoded) {
        // Without its mask nothing can be sampled: the sequence stays as it is, and the next step computes it again.
        if (sequence.waitsForMask) continue;
        sequence.computed++;
        try {
          results.push(this.#sample(sequence, logits, projections));
        } catch (error) {
          failed.set(sequence.id, error);
        }
      }
    } catch (error) {
      // One run computes all rows, so all sequences fail.
      for (const { id } of sequences) failed.set(id, error);
    }
    // Only now: removing a sequence moves the rows of others.
    for (const [id, error] of failed) this.#fail(id, error);
  }

  #sample(sequence: Sequence, logits: Float32Array, projections: Float32Array | null): SequenceResult {
    const step = { id: sequence.id, ...sequence.sample(logits, this.#sampler) };
    return projections && step.token !== null ? { ...step, projections } : step;
  }

  #postStep(results: readonly SequenceResult[]): void {
    const { running } = this.#scheduler;
    if (results.length === 0 && running === this.#reported) return;
    this.#reported = running;
    this.port.postMessage({ type: 'step', results, running } satisfies FromWorker);
  }

  receive(message: ToWorker): void {
    if (message.type === 'generate') this.#start(message.id, message.request);
    else if (message.type === 'vocabulary') this.#constrained.vocabulary = message.vocabulary;
    else if (message.type === 'cancel') this.#cancel(message.id);
    else if (message.type === 'keep') this.#prefixes.limit(message.bytes);
    else if (message.type === 'close') this.#closed = true;
    else this.#reads.add(message);
    this.#wake?.();
  }

  #start(id: number, request: SequenceRequest): void {
    const { edit, monitored } = withMonitored(request.edit, request.monitor);
    const sequence = new Sequence(id, request, edit, monitored);
    this.#constrained.begin(
      sequence,
      () => {
        this.#scheduler.enqueue(sequence);
        this.#wake?.();
      },
      (error) => this.#postFailure(id, error),
    );
  }

  #cancel(id: number): void {
    this.#remove(id);
    this.#postStep([]);
    this.#reads.remove(id);
  }

  #fail(id: number, error: unknown): void {
    this.#remove(id);
    this.#postFailure(id, error);
  }

  #remove(id: number): void {
    this.#constrained.remove(id);
    const { cache } = this.model.serving;
    const before = this.#scheduler.running;
    for (const { from, to, length } of this.#scheduler.remove(id)) cache.moveRow(from, to, length);
    const { running } = this.#scheduler;
    if (running < before) cache.forget(running);
  }

  #postFailure(id: number, error: unknown): void {
    const constraint = error instanceof ConstraintDeadEnd;
    const { message } = error as Error;
    this.port.postMessage({ type: 'failed', id, error: { message, constraint } } satisfies FromWorker);
  }

  async release(): Promise<void> {
    await this.#constrained.close();
    await this.model.release();
  }
}

async function main(port: MessagePort, settings: WorkerSettings): Promise<void> {
  const model = await OpenModel.open(settings);
  const loop = new EngineLoop(port, model);
  port.on('message', (message: ToWorker) => loop.receive(message));
  const { shape, device, warnings } = model;
  const runOptions = model.runOptions.handle;
  port.postMessage({ type: 'ready', shape, runOptions, device, warnings } satisfies FromWorker);
  try {
    await loop.run();
  } finally {
    await loop.release();
  }
}

if (parentPort) {
  const port = parentPort;
  main(port, workerData as WorkerSettings)
    .catch((error: unknown) => {
      const { message } = error as Error;
      port.postMessage({ type: 'refused', error: { message } } satisfies FromWorker);
    })
    .finally(() => port.close());
}
