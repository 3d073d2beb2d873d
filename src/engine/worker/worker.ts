/**
 * A model's worker thread. It loads the model, then loops: schedule, run, sample, post. It is told what to do by the
 * messages of protocol.ts, and answers with those.
 */
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { OrtError } from '../../ort/status.js';
import { ConstraintDeadEnd } from '../grammar/constraints.js';
import { OpenModel } from '../load/open-model.js';
import type { FromWorker, SequenceRequest, SequenceResult, ToWorker } from '../protocol.js';
import { NumbersBroke } from '../run/broken-numbers.js';
import { withMonitored } from '../run/steering-tensors.js';
import { BrokenLogits } from '../sampling/broken-logits.js';
import { Sampler } from '../sampling/sampler.js';
import { Pace } from '../schedule/pace.js';
import { type Prefill, type PrefillChunk, Scheduler } from '../schedule/scheduler.js';
import { Sequence } from '../schedule/sequence.js';
import type { RowMove } from '../schedule/slot-table.js';
import { Turns } from '../schedule/turns.js';
import type { TokenSet, WorkerSettings } from '../worker-settings.js';
import { ConstrainedSequences } from './constrained-sequences.js';
import { Drafting, forcedAhead } from './drafting.js';
import { PrefixReuse } from './prefix-reuse.js';
import { type Read, ReadRequests } from './read-requests.js';

/** Milliseconds that the first request after a rest waits at most for others that come with it. */
const mostWaited = 4;
/** How long nothing must have come before memory is given back: one request of a fit follows another within less. */
const restMilliseconds = 2000;
/** How long nothing must have come before a fit's beginnings of prompts are given up: it computes in between. */
const longRestMilliseconds = 20_000;

class EngineLoop {
  readonly #scheduler: Scheduler;
  readonly #turns: Turns<Read>;
  readonly #sampler: Sampler;
  readonly #reads: ReadRequests;
  readonly #constrained: ConstrainedSequences;
  readonly #prefixes: PrefixReuse;
  readonly #drafting: Drafting | null;
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
    this.#sampler = new Sampler(vocabularySize, hasToken);
    this.#drafting = model.drafts && new Drafting(model.drafts);
    this.#constrained = new ConstrainedSequences(
      vocabularySize,
      () => this.#wake?.(),
      this.#drafting ? forcedAhead : 0,
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
    if (prefill) this.#turns.read(prefill, () => this.#prefill(prefill, results));
    if (read)
      this.#turns.timed(read.urgent ? 'interactive' : 'background', () => this.#reads.step(read.read));
    if (decode.length > 0) this.#turns.decode(decodePriority, () => this.#decode(decode, results));
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

  #prefill({ chunks, whole }: Prefill, results: SequenceResult[]): void {
    if (whole) this.#readPrompts(chunks, results);
    else for (const chunk of chunks) this.#readChunk(chunk, results);
  }

  /** Computes whole prompts in one run. */
  #readPrompts(chunks: readonly PrefillChunk[], results: SequenceResult[]): void {
    const failed = new Map<number, unknown>();
    for (const { sequence } of chunks) sequence.begun ??= performance.now();
    try {
      const read = this.model.serving.prompts(
        chunks[0]?.slot ?? 0,
        chunks.map(({ sequence }) => sequence),
      );
      const slots = new Map(chunks.map(({ sequence, slot }) => [sequence, slot]));
      for (const { sequence, logits, projections, broken } of read) {
        sequence.computed = sequence.request.prompt.length;
        try {
          // Nor is such a prompt kept, as none is whose chunk breaks.
          if (broken) throw broken;
          this.#prefixes.computed(sequence, slots.get(sequence) ?? 0);
          this.#prefixes.ended(sequence, logits);
          results.push(this.#firstStep(sequence, logits, projections));
        } catch (error) {
          failed.set(sequence.id, error);
        }
      }
    } catch (error) {
      for (const { sequence } of chunks) failed.set(sequence.id, error);
    }
    this.#settle(chunks, failed);
    for (const { sequence } of chunks)
      if (!failed.has(sequence.id)) this.#move(this.#scheduler.promote(sequence));
  }

  /** Computes a chunk of a prompt. The last chunk gives the logits of the first token. */
  #readChunk({ sequence, slot, from, to }: PrefillChunk, results: SequenceResult[]): void {
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
      const lastLogits = logits.subarray(-this.model.shape.vocabularySize);
      const projected = projections?.read(0, to - from - 1, monitored) ?? null;
      results.push(this.#firstStep(sequence, lastLogits, projected));
      this.#move(this.#scheduler.promote(sequence));
    } catch (error) {
      this.#fail(sequence.id, this.#explain(error, sequence, slot));
    }
  }

  /** The first token, from the logits of the prompt's last position. */
  #firstStep(sequence: Sequence, logits: Float32Array, projections: Float32Array | null): SequenceResult {
    const begun = sequence.begun ?? sequence.arrived;
    const timing = {
      queued: begun - sequence.arrived,
      prefill: performance.now() - begun,
      cached: sequence.cached,
    };
    return { timing, ...this.#sample(sequence, logits, projections) };
  }

  /** One token of every running sequence; of a lone one as many as its draft has right. */
  #decode(sequences: readonly Sequence[], results: SequenceResult[]): void {
    const [first] = sequences;
    const draft = sequences.length === 1 && first && this.#drafting?.draft(first);
    if (draft && draft.length > 0) {
      this.#decodeDraft(first, draft, results);
      return;
    }
    const failed = new Map<number, unknown>();
    try {
      const decoded = this.model.serving.decode(sequences);
      this.#constrained.receive();
      for (const { sequence, logits, projections, broken } of decoded) {
        // Without its mask nothing can be sampled: the sequence stays as it is, and the next step computes it again.
        if (sequence.waitsForMask) continue;
        sequence.computed++;
        try {
          if (broken) throw broken;
          results.push(this.#sample(sequence, logits, projections));
        } catch (error) {
          failed.set(sequence.id, error);
        }
      }
    } catch (error) {
      // One run computes all rows, so all sequences fail.
      for (const { id } of sequences) failed.set(id, error);
    }
    this.#settle(
      sequences.map((sequence, slot) => ({ sequence, slot })),
      failed,
    );
  }

  /** A lone sequence's next token, and those of the draft that were guessed right, with the one behind them. */
  #decodeDraft(sequence: Sequence, draft: readonly number[], results: SequenceResult[]): void {
    const made: SequenceResult[] = [];
    let right = 0;
    try {
      const run = this.#drafting?.run(sequence, draft);
      this.#constrained.receive();
      // A token that is not as guessed, or waits for its mask, is computed by the next run.
      for (let index = 0; run && index <= draft.length && !sequence.waitsForMask; index++) {
        const { logits, projections, broken } = run.at(index);
        sequence.computed++;
        if (broken) throw broken;
        const step = this.#sample(sequence, logits, projections);
        made.push(step);
        if (step.finish || step.token !== draft[index]) break;
        right++;
      }
      this.#drafting?.accepted(sequence, right);
      const last = made.pop();
      if (last) made.push({ ...last, draft: { guessed: draft.length, right } });
      results.push(...made);
    } catch (error) {
      // What was made before is the sequence's, as without a draft.
      this.#postStep(made);
      this.#settle([{ sequence, slot: 0 }], new Map([[sequence.id, error]]));
    }
  }

  /** Ends the sequences that have failed. Only when all are told: removing one moves the rows of others. */
  #settle(
    computed: readonly { readonly sequence: Sequence; readonly slot: number }[],
    failed: Map<number, unknown>,
  ): void {
    for (const { sequence, slot } of computed) {
      const error = failed.get(sequence.id);
      if (error) failed.set(sequence.id, this.#explain(error, sequence, slot));
    }
    for (const [id, error] of failed) this.#fail(id, error);
  }

  /** Of a sequence whose last token gave no numbers to sample from: where that began. Any other error is what it is. */
  #explain(error: unknown, { lastToken, request, computed, edit }: Sequence, slot: number): unknown {
    if (!(error instanceof BrokenLogits)) return error;
    const token = lastToken >= 0 ? lastToken : (request.prompt.at(-1) ?? 0);
    return this.model.serving.whereBroken(slot, token, computed - 1, edit);
  }

  #sample(sequence: Sequence, logits: Float32Array, projections: Float32Array | null): SequenceResult {
    const step = { id: sequence.id, ...sequence.sample(logits, this.#sampler) };
    if (step.token !== null) this.#drafting?.sampled(sequence, step.token);
    return projections && step.token !== null ? { ...step, projections } : step;
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
