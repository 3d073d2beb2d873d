/**
 * A model's worker thread: owns its sessions, KV cache, scheduler and sampler, and loops schedule -> run ->
 * sample -> post. Everything it is told comes through protocol.ts.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { RunOptions } from '../ort/binding.js';
import { chooseCapacity } from './capacity.js';
import { CaptureRunner } from './capture-runner.js';
import { Constraints } from './constraints.js';
import type { GrammarVocabulary } from './grammar-library.js';
import { JobQueue } from './job-queue.js';
import { capture, project, score } from './jobs.js';
import { type KvCache, openKvCache } from './kv-cache.js';
import { type LoadedGraphs, loadGraphs } from './loaded-graphs.js';
import type { Capture, FromWorker, Priority, SequenceResult, ToWorker, WorkerSettings } from './protocol.js';
import { Sampler } from './sampler.js';
import { Scheduler } from './scheduler.js';
import { Sequence } from './sequence.js';
import { ServingRunner } from './serving-runner.js';
import { chooseThreads } from './threads.js';
import { TimeShare } from './time-share.js';

const noVocabulary: GrammarVocabulary = { tokens: [], endTokens: [] };

type Job = { readonly id: number; readonly priority: Priority; readonly memory: 'scratch' | 'capture' } & (
  | { readonly steps: Generator<void, Float32Array>; readonly kind: 'score' }
  | { readonly steps: Generator<void, Float32Array>; readonly kind: 'project' }
  | { readonly steps: Generator<void, Capture>; readonly kind: 'capture' }
);

class EngineLoop {
  readonly #scheduler: Scheduler;
  readonly #sampler: Sampler;
  readonly #serving: ServingRunner;
  #capture: CaptureRunner | null = null;
  readonly #jobs = new JobQueue<Job>();
  /** Captures that wait for the capture session to be built. */
  readonly #captures = new Set<number>();
  readonly #constraints: Constraints;
  /** Sequences with a constraint, from their request to their end. */
  readonly #constrained = new Map<number, Sequence>();
  /** The number of running sequences the other side knows. */
  #reported = 0;
  readonly #share = new TimeShare();
  /** Prompts and jobs take turns: between two decode steps streams wait for one chunk of either. */
  #jobsTurn = false;
  #wake: (() => void) | null = null;
  #closed = false;

  constructor(
    readonly port: MessagePort,
    readonly graphs: LoadedGraphs,
    readonly cache: KvCache,
    readonly chunk: number,
    readonly runOptions: RunOptions,
    vocabulary: GrammarVocabulary,
  ) {
    this.#constraints = new Constraints(vocabulary, graphs.spec.vocabularySize);
    this.#scheduler = new Scheduler(cache.slots, chunk);
    this.#sampler = new Sampler(graphs.spec.vocabularySize);
    this.#serving = new ServingRunner(graphs.serving, cache, runOptions);
  }

  receive(message: ToWorker): void {
    if (message.type === 'generate') this.#startSequence(new Sequence(message.id, message.request));
    else if (message.type === 'score')
      this.#jobs.add({
        id: message.id,
        kind: 'score',
        memory: 'scratch',
        priority: message.request.priority,
        steps: score(this.#serving, message.request, this.chunk),
      });
    else if (message.type === 'project')
      this.#jobs.add({
        id: message.id,
        kind: 'project',
        memory: 'scratch',
        priority: message.request.priority,
        steps: project(this.#serving, message.request, this.chunk),
      });
    else if (message.type === 'capture') this.#startCapture(message);
    else if (message.type === 'cancel') this.#cancel(message.id);
    else this.#closed = true;
    this.#wake?.();
  }

  #startSequence(sequence: Sequence): void {
    const { constraint } = sequence.request;
    if (constraint === undefined) {
      this.#scheduler.enqueue(sequence);
      return;
    }
    const { id } = sequence;
    this.#constrained.set(id, sequence);
    this.#constraints.begin(constraint).then(
      (begun) => {
        if (!this.#constrained.has(id)) return begun.release();
        sequence.constraint = begun;
        this.#scheduler.enqueue(sequence);
        this.#wake?.();
      },
      (error: unknown) => {
        if (this.#constrained.delete(id)) this.#fail(id, error);
      },
    );
  }

  /** Masks for the logits to come. When the library fails, those that need it end. */
  async #refreshMasks(): Promise<void> {
    for (const [id, { constraint }] of this.#constrained) {
      try {
        await constraint?.refresh();
      } catch (error) {
        this.#constraints.reset();
        this.#remove(id);
        this.#fail(id, error);
      }
    }
  }

  #startCapture(message: Extract<ToWorker, { type: 'capture' }>): void {
    const begin = (runner: CaptureRunner) =>
      this.#jobs.add({
        id: message.id,
        kind: 'capture',
        memory: 'capture',
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
    this.#jobs.remove(id);
  }

  #remove(id: number): void {
    this.#constrained.get(id)?.constraint?.release();
    this.#constrained.delete(id);
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
      if (this.#constrained.size > 0) await this.#refreshMasks();
      this.#step();
      // Lets messages in: a cancel takes effect before the next step.
      await nextTurn();
    }
  }

  /** A server goes on after a model is gone: its memory must come back. */
  async release(): Promise<void> {
    this.#serving.release();
    this.cache.release();
    this.#capture?.release();
    await this.graphs.release();
  }

  #step(): void {
    const results: SequenceResult[] = [];
    const { streaming } = this.#scheduler;
    if (!streaming) this.#share.streamsEnded();
    const { backgroundMayRun } = this.#share;
    const { prefill, decode } = this.#scheduler.plan(backgroundMayRun);
    const next = this.#jobs.next();
    const job = next !== null && (next.urgent || backgroundMayRun) ? next : null;
    if (prefill && !(job && this.#jobsTurn)) {
      this.#jobsTurn = true;
      this.#account(prefill.sequence.request.priority, () => this.#prefill(prefill, results));
    } else if (job) {
      this.#jobsTurn = false;
      this.#account(job.urgent ? 'interactive' : 'background', () => this.#runJob(job.job));
    }
    if (decode.length > 0)
      this.#account(streaming ? 'interactive' : 'background', () => this.#decode(decode, results));
    for (const result of results) if (result.finish) this.#remove(result.id);
    this.#report(results);
  }

  /** Does a step's work and settles its time with the streams. */
  #account(priority: Priority, work: () => void): void {
    const start = performance.now();
    work();
    const took = performance.now() - start;
    if (priority === 'interactive') this.#share.streamsTook(took);
    else this.#share.backgroundTook(took);
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
    const { prompt } = sequence.request;
    const { edit, terms } = sequence.steering;
    const whole = to === prompt.length;
    const monitored = whole && terms.length > 0;
    sequence.begun ??= performance.now();
    try {
      const scored = sequence.readsPrompt ? to - from : whole ? 1 : 0;
      const all = this.#serving.chunk(slot, prompt.slice(from, to), from, edit, scored, monitored);
      sequence.computed = to;
      if (sequence.readsPrompt) sequence.readPrompt(all, from, to);
      if (!whole) return;
      const logits = all.subarray(-this.graphs.spec.vocabularySize);
      this.#scheduler.promote(sequence);
      const timing = {
        queued: sequence.begun - sequence.arrived,
        prefill: performance.now() - sequence.begun,
      };
      results.push({ timing, ...this.#advance(sequence, logits, 0, to - from - 1) });
    } catch (error) {
      this.#remove(sequence.id);
      this.#fail(sequence.id, error);
    }
  }

  #decode(sequences: readonly Sequence[], results: SequenceResult[]): void {
    const failed: [number, unknown][] = [];
    try {
      const logits = this.#serving.decode(sequences);
      sequences.forEach((sequence, slot) => {
        sequence.computed++;
        try {
          results.push(this.#advance(sequence, logits(slot), slot, 0));
        } catch (error) {
          failed.push([sequence.id, error]);
        }
      });
    } catch (error) {
      // One run computes every row: none of them has a token now.
      for (const { id } of sequences) {
        this.#remove(id);
        this.#fail(id, error);
      }
      return;
    }
    // What one row's constraint does not bear is no matter of the others.
    for (const [id, error] of failed) {
      this.#remove(id);
      this.#fail(id, error);
    }
  }

  /** The next token, from what the last run made of the sequence at one of its rows and positions. */
  #advance(sequence: Sequence, logits: Float32Array, row: number, position: number): SequenceResult {
    const step = sequence.advance(logits, this.#sampler);
    const { id, steering } = sequence;
    if (steering.terms.length === 0 || step.token === null) return { id, ...step };
    return { id, ...step, projections: this.#serving.projections(row, position, steering.terms) };
  }

  #runJob(job: Job): void {
    this.#jobs.begin(job);
    try {
      if (job.kind === 'score') {
        const next = job.steps.next();
        if (!next.done) return;
        this.#post({ type: 'scored', id: job.id, logProbabilities: next.value });
      } else if (job.kind === 'project') {
        const next = job.steps.next();
        if (!next.done) return;
        const message: FromWorker = { type: 'projected', id: job.id, projections: next.value };
        this.port.postMessage(message, [next.value.buffer as ArrayBuffer]);
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
    this.#jobs.remove(job.id);
  }
}

async function main(port: MessagePort, settings: WorkerSettings): Promise<void> {
  const graphs = await loadGraphs(settings.directory, chooseThreads(settings.threads), settings.where);
  const { spec, fingerprint, device, warnings } = graphs;
  const capacity = chooseCapacity(settings.capacity, spec);
  const cache = await openKvCache(spec, graphs.serving, settings.slots, capacity);
  const runOptions = new RunOptions();
  const { inPieces, longest } = graphs.chunks;
  const chunk = inPieces ? Math.min(settings.prefillChunk, longest) : Number.POSITIVE_INFINITY;
  const vocabulary = settings.vocabulary ?? noVocabulary;
  const loop = new EngineLoop(port, graphs, cache, chunk, runOptions, vocabulary);
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
  const { handle } = runOptions;
  port.postMessage({ type: 'ready', shape, runOptions: handle, device, warnings } satisfies FromWorker);
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
