/**
 * A model's worker thread: owns its sessions, KV cache, scheduler and sampler, and loops schedule -> run ->
 * sample -> post. Everything it is told comes through protocol.ts.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { shrinkJsHeap } from '../../common/js-heap.js';
import { chooseThreads } from '../../common/threads.js';
import { RunOptions } from '../../ort/binding.js';
import { shrinkNativeHeap } from '../../ort/native-heap.js';
import { ConstraintDeadEnd } from '../grammar/constraints.js';
import { type KvCache, openKvCache } from '../kv/kv-cache.js';
import { chooseCapacity } from '../load/capacity.js';
import { type LoadedGraphs, loadGraphs } from '../load/loaded-graphs.js';
import type { FromWorker, Priority, SequenceResult, ToWorker, WorkerSettings } from '../protocol.js';
import { CaptureRunner } from '../run/capture-runner.js';
import { replayDecodes } from '../run/decode-graph-check.js';
import { nodeByNode } from '../run/decode-graphs.js';
import { ServingRunner } from '../run/serving-runner.js';
import { Sampler } from '../sampling/sampler.js';
import { Scheduler } from '../schedule/scheduler.js';
import { Sequence } from '../schedule/sequence.js';
import { TimeShare } from '../schedule/time-share.js';
import { ConstrainedSequences } from './constrained-sequences.js';
import { WorkerJobs } from './read-requests.js';

class EngineLoop {
  readonly cache: KvCache;
  readonly #scheduler: Scheduler;
  readonly #sampler: Sampler;
  readonly #serving: ServingRunner;
  #capture: CaptureRunner | null = null;
  readonly #jobs: WorkerJobs;
  readonly #constrained: ConstrainedSequences;
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
    serving: ServingRunner,
    readonly chunk: number,
    readonly runOptions: RunOptions,
  ) {
    this.#constrained = new ConstrainedSequences(graphs.spec.vocabularySize, () => this.#wake?.());
    this.cache = serving.cache;
    this.#scheduler = new Scheduler(this.cache.slots, chunk);
    this.#sampler = new Sampler(graphs.spec.vocabularySize);
    this.#serving = serving;
    this.#jobs = new WorkerJobs({
      serving: this.#serving,
      chunk,
      openCapture: () => this.#openCapture(),
      post: (message, transfer) => this.port.postMessage(message, transfer ?? []),
      fail: (id, error) => this.#fail(id, error),
      wake: () => this.#wake?.(),
    });
  }

  receive(message: ToWorker): void {
    if (message.type === 'generate') this.#startSequence(new Sequence(message.id, message.request));
    else if (message.type === 'vocabulary') this.#constrained.vocabulary = message.vocabulary;
    else if (message.type === 'cancel') this.#cancel(message.id);
    else if (message.type === 'close') this.#closed = true;
    else this.#jobs.add(message);
    this.#wake?.();
  }

  #startSequence(sequence: Sequence): void {
    this.#constrained.begin(
      sequence,
      () => {
        this.#scheduler.enqueue(sequence);
        this.#wake?.();
      },
      (error) => this.#fail(sequence.id, error),
    );
  }

  async #openCapture(): Promise<CaptureRunner> {
    const session = await this.graphs.capture();
    this.#capture ??= new CaptureRunner(session, this.graphs.spec, this.cache.capacity, this.runOptions);
    return this.#capture;
  }

  #cancel(id: number): void {
    this.#remove(id);
    this.#report([]);
    this.#jobs.remove(id);
  }

  #remove(id: number): void {
    this.#constrained.remove(id);
    for (const move of this.#scheduler.remove(id)) this.cache.move(move);
  }

  #post(message: FromWorker): void {
    this.port.postMessage(message);
  }

  #fail(id: number, error: unknown): void {
    const constraint = error instanceof ConstraintDeadEnd;
    this.#post({ type: 'failed', id, error: { message: (error as Error).message, constraint } });
  }

  async run(): Promise<void> {
    while (!this.#closed) {
      this.#constrained.receive();
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
    await this.#constrained.close();
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
      this.#account(job.urgent ? 'interactive' : 'background', () => this.#jobs.step(job.job));
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
      this.#constrained.receive();
      sequences.forEach((sequence, slot) => {
        const row = logits(slot);
        // Without its mask it stays where it is, and the next step computes the same again.
        if (row === null || sequence.waitsForMask) return;
        sequence.computed++;
        try {
          results.push(this.#advance(sequence, row, slot, 0));
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
}

async function main(port: MessagePort, settings: WorkerSettings): Promise<void> {
  const { directory, where, arithmetic } = settings;
  const threads = chooseThreads(settings.threads);
  const graphs = await loadGraphs(directory, threads, where, arithmetic, settings.capacity);
  const { spec, fingerprint, device } = graphs;
  const capacity = chooseCapacity(settings.capacity, spec);
  const cache = await openKvCache(spec, graphs.serving, settings.slots, capacity);
  const runOptions = new RunOptions();
  const { inPieces, longest } = graphs.chunks;
  const chunk = inPieces ? Math.min(settings.prefillChunk, longest) : Number.POSITIVE_INFINITY;
  const serving = new ServingRunner(graphs.serving, cache, runOptions);
  const fault = await replayDecodes(serving, graphs.serving, chunk);
  const warnings = [...graphs.warnings, ...(fault ? [nodeByNode(fault)] : [])];
  await shrinkJsHeap();
  shrinkNativeHeap();
  const loop = new EngineLoop(port, graphs, serving, chunk, runOptions);
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
