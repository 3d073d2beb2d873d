/**
 * A model's worker thread. It loads the model, then loops: schedule, compute (token-steps.ts, read-requests.ts), post. It is
 * told what to do by the messages of protocol.ts, and answers with those.
 */
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { OrtError } from '../../ort/status.js';
import { ConstraintDeadEnd } from '../grammar/constraints.js';
import { OpenModel } from '../load/open-model.js';
import type { FromWorker, SequenceRequest, SequenceResult, ToWorker } from '../protocol.js';
import { NumbersBroke } from '../run/broken-numbers.js';
import { Sampler } from '../sampling/sampler.js';
import { withMonitored } from '../schedule/monitored-edit.js';
import { Pace } from '../schedule/pace.js';
import { Scheduler } from '../schedule/scheduler.js';
import { Sequence } from '../schedule/sequence.js';
import type { RowMove } from '../schedule/slot-table.js';
import { Turns } from '../schedule/turns.js';
import type { TokenSet, WorkerSettings } from '../worker-settings.js';
import { ConstrainedSequences } from './constrained-sequences.js';
import { Drafting, forcedAhead } from './drafting.js';
import { PrefixReuse } from './prefix-reuse.js';
import { type Read, ReadRequests } from './read-requests.js';
import { TokenSteps } from './token-steps.js';

/** Milliseconds that the first request after a rest waits at most for others that come with it. */
const mostWaited = 4;
/** How long nothing must have come before memory is given back: one request of a fit follows another within less. */
const restMilliseconds = 2000;
/** How long nothing must have come before a fit's beginnings of prompts are given up: it computes in between. */
const longRestMilliseconds = 20_000;

class EngineLoop {
  readonly #scheduler: Scheduler;
  readonly #turns: Turns<Read>;
  readonly #reads: ReadRequests;
  readonly #constrained: ConstrainedSequences;
  readonly #prefixes: PrefixReuse;
  readonly #steps: TokenSteps;
  /** The number of running sequences that was posted last. */
  #reported = 0;
  /** Ends the wait for something to compute. */
  #wake: (() => void) | null = null;
  #closed = false;
  /** Rows of the cache that may hold something. */
  #rows = new Set<number>();
  /** Messages that have come. */
  #received = 0;

  constructor(
    readonly port: MessagePort,
    readonly model: OpenModel,
    hasToken?: TokenSet,
  ) {
    const { slots, vocabularySize } = model.shape;
    this.#prefixes = new PrefixReuse(model.prefixes, model.serving.cache, model.sharesPrefixes);
    this.#scheduler = new Scheduler(
      slots,
      model.chunk,
      (sequence, slot) => this.#prefixes.begin(sequence, slot),
      model.abilities,
      (waiting, reading) => this.#prefixes.awaits(waiting, reading),
    );
    const drafting = model.drafts && new Drafting(model.drafts);
    this.#constrained = new ConstrainedSequences(
      vocabularySize,
      () => this.#wake?.(),
      drafting ? forcedAhead : 0,
    );
    this.#steps = new TokenSteps(
      model,
      {
        prefixes: this.#prefixes,
        constrained: this.#constrained,
        sampler: new Sampler(vocabularySize, hasToken),
        drafting,
      },
      {
        promote: (sequence) => this.#move(this.#scheduler.promote(sequence)),
        fail: (id, error) => this.#fail(id, error),
        post: (results) => this.#postStep(results),
      },
    );
    this.#reads = new ReadRequests(model, {
      post: (message, transfer = []) => this.port.postMessage(message, transfer),
      fail: (id, error) => this.#postFailure(id, error),
      wake: () => this.#wake?.(),
      streaming: () => this.#scheduler.streaming,
    });
    this.#turns = new Turns(this.#scheduler, this.#reads.queue, new Pace(model.chunk, model.cutsMatter));
  }

  /** Until a `close` message. */
  async run(): Promise<void> {
    while (!this.#closed) {
      this.#constrained.receive();
      if (this.#scheduler.idle && this.#reads.queue.length === 0) await this.#waitForWork();
      this.#turn();
      // Lets messages in, so that a cancel takes effect before the next turn.
      await nextTurn();
    }
  }

  /** Requests that come together are read together, so it waits a moment for what comes with the first one. */
  async #waitForWork(): Promise<void> {
    const isAtRest = this.#scheduler.all().length === 0;
    // When nothing comes for a while, memory is given back.
    const rest = setTimeout(() => isAtRest && this.#forgetWork(), restMilliseconds);
    const longRest = setTimeout(() => isAtRest && this.#prefixes.forgetBackground(), longRestMilliseconds);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = null;
    clearTimeout(rest);
    clearTimeout(longRest);
    if (!isAtRest) return;
    for (let waited = 0, seen = -1; waited < mostWaited && seen !== this.#received; waited++) {
      seen = this.#received;
      await pause(1);
    }
  }

  #forgetWork(): void {
    try {
      this.model.forgetWork();
    } catch (error) {
      // It runs the graph once, which fails while the engine is being closed: the model must be released all the same.
      if (!(error instanceof OrtError)) throw error;
    }
  }

  /** One turn of the loop. */
  #turn(): void {
    const { moves, prefill, read, decode, decodePriority } = this.#turns.next();
    const results: SequenceResult[] = [];
    for (const row of this.#scheduler.taken) this.#rows.add(row);
    this.#move(moves);
    if (prefill) this.#turns.read(prefill, () => this.#steps.prefill(prefill, results));
    if (read)
      this.#turns.timed(read.urgent ? 'interactive' : 'background', () => this.#reads.step(read.read));
    if (decode.length > 0) this.#turns.decode(decodePriority, () => this.#steps.decode(decode, results));
    for (const { id, finish } of results) if (finish) this.#remove(id);
    this.#forgetRows();
    this.#postStep(results);
  }

  /** Rows that no sequence has any more take no memory. */
  #forgetRows(): void {
    const taken = new Set(this.#scheduler.taken);
    for (const row of this.#rows) if (!taken.has(row)) this.model.serving.cache.forget(row);
    this.#rows = taken;
  }

  #postStep(results: readonly SequenceResult[]): void {
    const { running } = this.#scheduler;
    if (results.length === 0 && running === this.#reported) return;
    this.#reported = running;
    this.port.postMessage({ type: 'step', results, running } satisfies FromWorker);
  }

  receive(message: ToWorker): void {
    this.#received++;
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
    const sequence = new Sequence(id, request, edit, monitored, this.#constrained.tokens);
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
    this.#forgetRows();
    this.#postStep([]);
    this.#reads.remove(id);
  }

  #fail(id: number, error: unknown): void {
    this.#remove(id);
    this.#postFailure(id, error);
  }

  #remove(id: number): void {
    this.#constrained.remove(id);
    this.#move(this.#scheduler.remove(id));
  }

  #move(moves: readonly RowMove[]): void {
    const { cache } = this.model.serving;
    for (const { from, to, length, exchange } of moves) {
      if (exchange) cache.exchangeRows?.(from, to, length);
      else cache.moveRow(from, to, length);
      this.#rows.add(from);
    }
  }

  #postFailure(id: number, error: unknown): void {
    const constraint = error instanceof ConstraintDeadEnd;
    const { message } = error as Error;
    const broken = error instanceof NumbersBroke && { brokenLayer: error.layer };
    this.port.postMessage({
      type: 'failed',
      id,
      error: { message, constraint, ...broken },
    } satisfies FromWorker);
  }

  async release(): Promise<void> {
    await this.#constrained.close();
    await this.model.release();
  }
}

async function main(port: MessagePort, settings: WorkerSettings): Promise<void> {
  const model = await OpenModel.open(settings);
  const loop = new EngineLoop(port, model, settings.hasToken);
  port.on('message', (message: ToWorker) => loop.receive(message));
  const { shape, device, warnings, graphs } = model;
  const runOptions = model.runOptions.handle;
  port.postMessage({
    type: 'ready',
    shape,
    runOptions,
    device,
    warnings,
    notes: graphs.notes,
  } satisfies FromWorker);
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
