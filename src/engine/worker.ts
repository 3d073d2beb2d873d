/**
 * A model's worker thread: owns its sessions, KV cache, scheduler and sampler, and loops schedule -> run ->
 * sample -> post. Everything it is told comes through protocol.ts.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { RunOptions } from '../ort/binding.js';
import { CaptureRunner } from './capture-runner.js';
import { capture, score } from './jobs.js';
import { KvCache } from './kv-cache.js';
import { type LoadedGraphs, loadGraphs } from './loaded-graphs.js';
import type { Capture, FromWorker, Priority, SequenceResult, ToWorker, WorkerSettings } from './protocol.js';
import { Sampler } from './sampler.js';
import { Scheduler } from './scheduler.js';
import { Sequence } from './sequence.js';
import { ServingRunner } from './serving-runner.js';
import { chooseThreads } from './threads.js';
import { TimeShare } from './time-share.js';

/** Capacity when none is asked for: enough for chat, and 16 full slots of a small model fit in memory. */
const defaultCapacity = 4096;

type Job = { readonly id: number; readonly priority: Priority } & (
  | { readonly steps: Generator<void, Float32Array>; readonly kind: 'score' }
  | { readonly steps: Generator<void, Capture>; readonly kind: 'capture' }
);

class EngineLoop {
  readonly #scheduler: Scheduler;
  readonly #sampler: Sampler;
  readonly #serving: ServingRunner;
  #capture: CaptureRunner | null = null;
  readonly #jobs: Job[] = [];
  /** Captures that wait for the capture session to be built. */
  readonly #captures = new Set<number>();
  /** The number of running sequences the other side knows. */
  #reported = 0;
  readonly #share = new TimeShare();
  #wake: (() => void) | null = null;
  #closed = false;

  constructor(
    readonly port: MessagePort,
    readonly graphs: LoadedGraphs,
    readonly cache: KvCache,
    readonly chunk: number,
    readonly runOptions: RunOptions,
  ) {
    this.#scheduler = new Scheduler(cache.slots, chunk);
    this.#sampler = new Sampler(graphs.spec.vocabularySize);
    this.#serving = new ServingRunner(graphs.serving, cache, runOptions);
  }

  receive(message: ToWorker): void {
    if (message.type === 'generate') this.#scheduler.enqueue(new Sequence(message.id, message.request));
    else if (message.type === 'score')
      this.#jobs.push({
        id: message.id,
        kind: 'score',
        priority: message.request.priority,
        steps: score(this.#serving, message.request, this.chunk),
      });
    else if (message.type === 'capture') this.#startCapture(message);
    else if (message.type === 'cancel') this.#cancel(message.id);
    else this.#closed = true;
    this.#wake?.();
  }

  #startCapture(message: Extract<ToWorker, { type: 'capture' }>): void {
    const begin = (runner: CaptureRunner) =>
      this.#jobs.push({
        id: message.id,
        kind: 'capture',
        priority: 'background',
        steps: capture(runner, message.request, this.chunk),
      });
    if (this.#capture) {
      begin(this.#capture);
      return;
    }
    this.#captures.add(message.id);
    this.graphs.capture().then(
      (session) => {
        this.#capture ??= new CaptureRunner(session, this.graphs.spec, this.cache.capacity, this.runOptions);
        if (this.#captures.delete(message.id)) begin(this.#capture);
        this.#wake?.();
      },
      (error: unknown) => this.#fail(message.id, error),
    );
  }

  #cancel(id: number): void {
    this.#remove(id);
    this.#report([]);
    this.#captures.delete(id);
    const job = this.#jobs.findIndex((waiting) => waiting.id === id);
    if (job >= 0) this.#jobs.splice(job, 1);
  }

  #remove(id: number): void {
    for (const move of this.#scheduler.remove(id)) this.cache.move(move);
  }

  #post(message: FromWorker): void {
    this.port.postMessage(message);
  }

  #fail(id: number, error: unknown): void {
    this.#post({ type: 'failed', id, error: { message: (error as Error).message } });
  }

  async run(): Promise<void> {
    while (!this.#closed) {
      if (this.#scheduler.idle && this.#jobs.length === 0)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      this.#wake = null;
      this.#step();
      // Lets messages in: a cancel takes effect before the next step.
      await nextTurn();
    }
  }

  /** A server goes on after a model is gone: its memory must come back. */
  async release(): Promise<void> {
    this.#serving.release();
    this.#capture?.release();
    await this.graphs.release();
  }

  #step(): void {
    const results: SequenceResult[] = [];
    const plan = this.#scheduler.plan();
    const streams = plan.decode.some(({ request }) => request.priority === 'interactive');
    if (!streams) this.#share.streamsEnded();
    if (plan.prefill) this.#prefill(plan.prefill, results);
    else if (this.#jobs[0]?.priority === 'interactive') this.#runJob();
    else if (this.#share.jobsMayRun) this.#share.jobTook(timed(() => this.#runJob()));
    if (plan.decode.length > 0) this.#share.streamsTook(timed(() => this.#decode(plan.decode, results)));
    for (const result of results) if (result.finish) this.#remove(result.id);
    this.#report(results);
  }

  #report(results: readonly SequenceResult[]): void {
    const { running } = this.#scheduler;
    if (results.length === 0 && running === this.#reported) return;
    this.#reported = running;
    this.#post({ type: 'step', results, running });
  }

  #prefill(
    plan: { sequence: Sequence; slot: number; from: number; to: number },
    results: SequenceResult[],
  ): void {
    const { sequence, slot, from, to } = plan;
    const { prompt, edit } = sequence.request;
    const whole = to === prompt.length;
    sequence.begun ??= performance.now();
    try {
      const logits = this.#serving.chunk(slot, prompt.slice(from, to), from, edit, whole ? 1 : 0);
      sequence.computed = to;
      if (!whole) return;
      this.#scheduler.promote(sequence);
      const timing = {
        queued: sequence.begun - sequence.arrived,
        prefill: performance.now() - sequence.begun,
      };
      results.push({ id: sequence.id, timing, ...sequence.advance(logits, this.#sampler) });
    } catch (error) {
      this.#remove(sequence.id);
      this.#fail(sequence.id, error);
    }
  }

  #decode(sequences: readonly Sequence[], results: SequenceResult[]): void {
    try {
      const logits = this.#serving.decode(sequences);
      sequences.forEach((sequence, slot) => {
        sequence.computed++;
        results.push({ id: sequence.id, ...sequence.advance(logits(slot), this.#sampler) });
      });
    } catch (error) {
      // One run computes every row: none of them has a token now.
      for (const { id } of sequences) {
        this.#remove(id);
        this.#fail(id, error);
      }
    }
  }

  #runJob(): void {
    const job = this.#jobs[0];
    if (!job) return;
    try {
      if (job.kind === 'score') {
        const next = job.steps.next();
        if (!next.done) return;
        this.#post({ type: 'scored', id: job.id, logProbabilities: next.value });
      } else {
        const next = job.steps.next();
        if (!next.done) return;
        this.port.postMessage({ type: 'captured', id: job.id, capture: next.value } satisfies FromWorker, [
          next.value.hiddenStates.buffer as ArrayBuffer,
          next.value.attentionToPrefix.buffer as ArrayBuffer,
        ]);
      }
    } catch (error) {
      this.#fail(job.id, error);
    }
    this.#jobs.shift();
  }
}

/** Milliseconds that `work` took. */
function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

async function main(port: MessagePort, settings: WorkerSettings): Promise<void> {
  const graphs = await loadGraphs(settings.directory, chooseThreads(settings.threads));
  const { spec, fingerprint } = graphs;
  const asked = settings.capacity > 0 ? settings.capacity : defaultCapacity;
  const capacity = Math.min(asked, spec.contextLength);
  const cache = new KvCache(spec, settings.slots, capacity);
  const runOptions = new RunOptions();
  const loop = new EngineLoop(port, graphs, cache, settings.prefillChunk, runOptions);
  port.on('message', (message: ToWorker) => loop.receive(message));
  const shape = {
    layers: spec.layers.length,
    hiddenSize: spec.hiddenSize,
    heads: spec.heads,
    vocabularySize: spec.vocabularySize,
    capacity,
    slots: settings.slots,
    fingerprint,
  };
  port.postMessage({ type: 'ready', shape, runOptions: runOptions.handle } satisfies FromWorker);
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
