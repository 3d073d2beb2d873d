/**
 * Decides which sequences run: which prompt is prefilled, and which sequences decode. It knows sequences and slots, never
 * tensors.
 *
 * Slot i holds the i-th running sequence; the sequence whose prompt is prefilled, if any, has the slot after them. So a
 * decode step always computes the first slots. When a sequence leaves, the last one takes its slot: `RowMove` says which
 * slot's keys and values go where.
 */

import { chunkEnd, scoredChunk } from './chunks.js';
import type { Sequence } from './sequence.js';

/** Slot `to` gets the first `length` tokens of slot `from`. */
interface RowMove {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

/** A chunk of a prompt: its tokens [from, to). It is empty when all of the prompt is known already. */
export interface PrefillChunk {
  readonly sequence: Sequence;
  readonly slot: number;
  readonly from: number;
  readonly to: number;
}

export interface Plan {
  /** To be computed before the decode step. */
  readonly prefill: PrefillChunk | null;
  /** Sequences that decode one token each; index = slot. */
  readonly decode: readonly Sequence[];
}

/** How many interactive prompts may go before a background one that could run, so that they do not starve it. */
const mostPasses = 3;

export class Scheduler {
  readonly #waiting: { interactive: Sequence[]; background: Sequence[] } = {
    interactive: [],
    background: [],
  };
  #running: Sequence[] = [];
  #prefilling: Sequence | null = null;
  /** How many interactive prompts went before the first background one. */
  #passes = 0;

  /**
   * @param chunk tokens of a prompt that are computed at once
   * @param begin a sequence gets a slot: puts there what is known of its prompt already, and returns how many tokens
   */
  constructor(
    readonly slots: number,
    readonly chunk: number,
    readonly begin: (sequence: Sequence, slot: number) => number = () => 0,
  ) {}

  /** Sequences in slots. */
  get running(): number {
    return this.#running.length + (this.#prefilling ? 1 : 0);
  }

  /** Whether there is nothing to compute: no sequence, or all wait for their constraints' masks. */
  get idle(): boolean {
    return this.all().every((sequence) => sequence.waitsForMask);
  }

  /** Whether an interactive sequence runs or waits. */
  get streaming(): boolean {
    return (
      this.#waiting.interactive.length > 0 ||
      [this.#prefilling, ...this.#running].some((sequence) => sequence?.request.priority === 'interactive')
    );
  }

  enqueue(sequence: Sequence): void {
    this.#waiting[sequence.request.priority].push(sequence);
  }

  /**
   * What to compute now. Admits at most one waiting sequence.
   * @param backgroundMayRun false keeps background prompts waiting, except one whose prefill has begun and that an
   *   interactive prompt waits for
   */
  plan(backgroundMayRun = true): Plan {
    this.#prefilling ??= this.#begun(this.#admit(backgroundMayRun));
    const sequence = this.#prefilling;
    const waits =
      sequence?.request.priority === 'background' &&
      !backgroundMayRun &&
      this.#waiting.interactive.length === 0;
    if (!sequence || waits) return { prefill: null, decode: this.#running };
    const from = sequence.computed;
    const chunk = sequence.readsPrompt ? scoredChunk(this.chunk) : this.chunk;
    const to = chunkEnd(from, sequence.request.prompt.length, chunk);
    return { prefill: { sequence, slot: this.#running.length, from, to }, decode: this.#running };
  }

  #begun(sequence: Sequence | null): Sequence | null {
    if (sequence) sequence.computed = this.begin(sequence, this.#running.length);
    return sequence;
  }

  #admit(backgroundMayRun: boolean): Sequence | null {
    if (this.#running.length >= this.slots) return null;
    const { interactive, background } = this.#waiting;
    const allowed = background.length > 0 && backgroundMayRun && this.#roomForBackground();
    if (interactive.length > 0 && !(allowed && this.#passes >= mostPasses)) {
      if (background.length > 0) this.#passes++;
      return interactive.shift() ?? null;
    }
    if (!allowed) return null;
    this.#passes = 0;
    return background.shift() ?? null;
  }

  /**
   * Whether one more background sequence may run. Every row makes a decode step longer: without streams (interactive
   * sequences) they may have half of the slots, else they may be half as many as the streams; in any case one may run.
   */
  #roomForBackground(): boolean {
    const inBackground = this.#running.filter(({ request }) => request.priority === 'background').length;
    const streams = this.#running.length - inBackground;
    const most = Math.floor((streams > 0 ? Math.min(this.slots, streams) : this.slots) / 2);
    return inBackground < Math.max(1, most);
  }

  /** The sequence's whole prompt is in the cache: it decodes from now on. */
  promote(sequence: Sequence): void {
    if (this.#prefilling !== sequence) return;
    this.#prefilling = null;
    this.#running = [...this.#running, sequence];
  }

  /** Removes a sequence, whether it runs or waits. @returns the moves that close the gap, in order */
  remove(id: number): RowMove[] {
    for (const queue of [this.#waiting.interactive, this.#waiting.background]) {
      const index = queue.findIndex((sequence) => sequence.id === id);
      if (index >= 0) queue.splice(index, 1);
    }
    if (this.#prefilling?.id === id) this.#prefilling = null;
    const gap = this.#running.findIndex((sequence) => sequence.id === id);
    if (gap < 0) return [];
    const moves: RowMove[] = [];
    const running = [...this.#running];
    const last = running.pop();
    if (last && gap < running.length) {
      running[gap] = last;
      moves.push({ from: running.length, to: gap, length: last.computed });
    }
    this.#running = running;
    if (this.#prefilling)
      moves.push({ from: running.length + 1, to: running.length, length: this.#prefilling.computed });
    return moves;
  }

  /** Every sequence this scheduler knows. */
  all(): Sequence[] {
    const { interactive, background } = this.#waiting;
    return [...this.#running, ...(this.#prefilling ? [this.#prefilling] : []), ...interactive, ...background];
  }
}
