/** A model that is loaded and ready to run: what a worker computes with. */
import { shrinkJsHeap } from '../../common/js-heap.js';
import { chooseThreads } from '../../common/threads.js';
import { RunOptions } from '../../ort/binding.js';
import { shrinkNativeHeap } from '../../ort/native-heap.js';
import { chooseContext } from '../kv/cache-size.js';
import { HostKvCache } from '../kv/host-kv-cache.js';
import { KvPages } from '../kv/kv-pages.js';
import { openKvCache, openScratchCache } from '../kv/open-kv-cache.js';
import type { ModelShape } from '../protocol.js';
import { CaptureRunner, rowsTogether } from '../run/capture-runner.js';
import { notReplayed } from '../run/decode-graphs.js';
import type { DraftRunner } from '../run/draft-runner.js';
import { LogitReader } from '../run/logit-reader.js';
import { ServingRunner } from '../run/serving-runner.js';
import { TextRows, textsTogether, togetherLimits } from '../run/text-rows.js';
import { uncut } from '../schedule/chunks.js';
import type { Abilities } from '../schedule/scheduler.js';
import type { TogetherLimits } from '../schedule/text-groups.js';
import type { WorkerSettings } from '../worker-settings.js';
import { replayDecodes } from './decode-graph-check.js';
import { openDrafts } from './draft-check.js';
import { type LoadedGraphs, loadGraphs } from './loaded-graphs.js';

/** Tokens of a given text in one run: streams wait for it. */
const mostRead = 64;

export class OpenModel {
  #capture: CaptureRunner | null = null;
  #comparison: ServingRunner | null = null;
  #textRows: TextRows | null = null;
  #openingRows: Promise<boolean> | null = null;
  /** How often the model has rested. */
  #rests = 0;

  private constructor(
    readonly graphs: LoadedGraphs,
    readonly shape: ModelShape,
    readonly serving: ServingRunner,
    readonly reader: LogitReader,
    /** Most tokens of prompts that are computed at once; `uncut` for an export that takes a text whole. */
    readonly chunk: number,
    /** Options of all runs: `terminateRun` with their handle ends the run in progress. */
    readonly runOptions: RunOptions,
    /** For the log. */
    readonly warnings: readonly string[],
    /** Memory for beginnings of prompts; null where they are not kept. */
    readonly prefixes: KvPages | null,
    /** Whether requests of all spaces may use them. */
    readonly sharesPrefixes: boolean,
    /** Runs drafts; null where there are none. */
    readonly drafts: DraftRunner | null,
  ) {}

  /** @throws OnnxError, OrtError or the file system's error, each saying what is wrong with the model. */
  static async open(settings: WorkerSettings): Promise<OpenModel> {
    const { directory, where, arithmetic, slots, prefillChunk } = settings;
    const threads = chooseThreads(settings.threads);
    const { calibration, cacheDirectory = null } = settings;
    const graphs = await loadGraphs(directory, threads, where, arithmetic, settings.capacity, {
      calibration,
      cache: cacheDirectory,
      kvCache: settings.kvCache ?? 'export',
    });
    const { spec, fingerprint, chunks } = graphs;
    // A device gives memory for all slots at once.
    const asked = graphs.serving.device ? (settings.deviceCapacity ?? settings.capacity) : settings.capacity;
    const { tokens: capacity } = chooseContext(spec, { asked, slots, room: null });
    const cache = await openKvCache(spec, graphs.serving, slots, capacity).catch(async (error: unknown) => {
      await graphs.release();
      throw error;
    });
    const runOptions = new RunOptions();
    const chunk = chunks.inPieces ? Math.min(prefillChunk, chunks.longest) : uncut;
    const serving = new ServingRunner(graphs.serving, cache, runOptions);
    const { reader, drafts, fault } = await openReaders(graphs, serving, settings, chunk).catch(
      async (error: unknown) => {
        serving.release();
        cache.release();
        await graphs.release();
        throw error;
      },
    );
    const warnings = [
      ...graphs.warnings,
      ...(fault ? [notReplayed(fault)] : []),
      ...(drafts.note ? [drafts.note] : []),
    ];
    await shrinkJsHeap();
    shrinkNativeHeap();
    const shape = {
      layers: spec.layers.length,
      hiddenSize: spec.hiddenSize,
      heads: spec.heads,
      vocabularySize: spec.vocabularySize,
      capacity,
      slots,
      fingerprint,
    };
    // Only where a prompt's keys and values are the same however it is cut.
    const keeps = cache instanceof HostKvCache && chunk !== uncut && !graphs.mixesRows;
    const prefixes = keeps ? new KvPages(spec, settings.prefixBytes ?? 0) : null;
    const shares = settings.sharePrefixes ?? false;
    return new OpenModel(
      graphs,
      shape,
      serving,
      reader,
      chunk,
      runOptions,
      warnings,
      prefixes,
      shares,
      drafts.runner,
    );
  }

  /** What the cache and the graph can do with several prompts. */
  get abilities(): Abilities {
    const { cache } = this.serving;
    // Prompts that share a scale would change with the company they are read in.
    const batches = cache instanceof HostKvCache && !this.cutsMatter;
    return { batches, passing: cache.exchangeRows !== undefined };
  }

  /** Tokens of a given text that are computed at once. */
  get readChunk(): number {
    return this.chunk === uncut ? uncut : Math.min(this.chunk, mostRead);
  }

  /** Whether a prompt's logits depend on how it is cut: then it is cut by the settings, never by what was measured. */
  get cutsMatter(): boolean {
    return this.graphs.mixesRows || this.chunk === uncut;
  }

  /** cuda, webgpu or cpu. */
  get device(): string {
    return this.graphs.device;
  }

  /** The runner of the capture graft, whose session is built at the first call. @throws OnnxError, OrtError */
  async capture(): Promise<CaptureRunner> {
    const session = await this.graphs.capture();
    this.#capture ??= new CaptureRunner(
      session,
      this.graphs.captureSpec,
      this.shape.capacity,
      this.runOptions,
      this.#readsTogether,
    );
    return this.#capture;
  }

  /** Whether a text's numbers do not depend on others in its run. */
  get #readsTogether(): boolean {
    return this.abilities.batches && this.chunk !== uncut;
  }

  /**
   * Lets captures be read several at once, until `forgetWork`. Their session is built first.
   * @throws OnnxError, OrtError
   */
  async captureTogether(): Promise<void> {
    const runner = await this.capture();
    if (runner.together) runner.readTogether(await this.graphs.capture(rowsTogether));
  }

  /** What rows for several given texts take; null where texts are read one by one for good. */
  get textLimits(): TogetherLimits | null {
    return this.#readsTogether ? togetherLimits(this.graphs.spec, this.shape.capacity) : null;
  }

  /** Rows for several given texts; null until `openTextRows` has made them, and after a rest. */
  get textRows(): TextRows | null {
    return this.#textRows;
  }

  /**
   * Makes rows for several given texts, which stay until `forgetWork`; their session is built first.
   * @returns whether they are there: not if the model has rested meanwhile
   * @throws OnnxError, OrtError
   */
  openTextRows(): Promise<boolean> {
    this.#openingRows ??= this.#openRows().finally(() => {
      this.#openingRows = null;
    });
    return this.#openingRows;
  }

  async #openRows(): Promise<boolean> {
    if (this.#textRows) return true;
    const { spec, serving } = this.graphs;
    const rests = this.#rests;
    const session = await this.graphs.openRows(textsTogether);
    try {
      // Who asked for them is long gone.
      if (this.#rests === rests)
        this.#textRows = new TextRows(session, serving, spec, this.shape.capacity, this.runOptions);
    } finally {
      if (this.#textRows === null) session.release();
    }
    return this.#textRows !== null;
  }

  /**
   * The serving graph with a cache of its own, of one row: a text that is read there can be compared with one in the
   * other cache. The cache is made at the first call; on the CPU it takes memory for the longest text only.
   * @throws OrtError when the device has too little memory
   */
  comparison(): ServingRunner {
    if (this.#comparison) return this.#comparison;
    const { spec, serving } = this.graphs;
    const cache = openScratchCache(spec, serving, this.shape.capacity);
    this.#comparison = new ServingRunner(serving, cache, this.runOptions);
    return this.#comparison;
  }

  /** Nothing runs: gives back what only runs need, and what is quickly made again. */
  forgetWork(): void {
    this.#rests++;
    this.serving.forgetReads();
    this.#comparison?.forgetReads();
    if (this.#capture?.forgetReads()) this.graphs.dropCapture(rowsTogether);
    this.#textRows?.release();
    this.#textRows = null;
    shrinkNativeHeap();
  }

  /**
   * A server goes on after a model is unloaded, so all its memory must be released; but the run options: the HTTP thread
   * may still be calling `terminateRun` with their handle.
   */
  async release(): Promise<void> {
    await this.#openingRows?.catch(() => null);
    this.#textRows?.release();
    this.drafts?.release();
    this.serving.release();
    this.serving.cache.release();
    this.#comparison?.release();
    this.#comparison?.cache.release();
    this.reader.release();
    this.#capture?.release();
    await this.graphs.release();
  }
}

/** What runs beside the serving graph, or in its place. @throws OrtError, and then nothing of it is left */
async function openReaders(
  graphs: LoadedGraphs,
  serving: ServingRunner,
  { draftTokens = 0 }: WorkerSettings,
  chunk: number,
) {
  const fault = await replayDecodes(serving, graphs.serving, chunk);
  const reader = await LogitReader.open();
  try {
    return { reader, fault, drafts: await openDrafts(graphs, serving, draftTokens) };
  } catch (error) {
    reader.release();
    throw error;
  }
}
