/**
 * Decides what the next engine step computes. It knows sequences and slots, never tensors.
 *
 * Slot i holds the i-th sequence of `running`; the one being prefilled, if any, sits in the slot after
 * them. So a decode step is always the first `running.length` slots, and a sequence that leaves is
 * replaced by the last one: the moves say which slot's KV goes where.
 */

import { mostScored } from '../sampling/token-logprobs.js';
import { chunkEnd } from './chunks.js';
import type { Sequence } from './sequence.js';

export interface Move {
  readonly from: number;
  readonly to: number;
  /** Tokens to move. */
  readonly length: number;
}

export interface PrefillPlan {
  readonly sequence: Sequence;
  readonly slot: number;
  /** Prompt tokens [from, to). */
  readonly from: number;
  readonly to: number;
}

export interface Plan {
  /** A chunk of one prompt, before the decode step. */
  readonly prefill: PrefillPlan | null;
  /** Sequences that decode one token each; index = slot. */
  readonly decode: readonly Sequence[];
}

/** Interactive prompts that may pass a background one that could run: so prompts without end do not starve it. */
const mostPasses = 3;

export class Scheduler {
  readonly #waiting: { interactive: Sequence[]; background: Sequence[] } = {
    interactive: [],
    background: [],
  };
  #running: Sequence[] = [];
  #prefilling: Sequence | null = null;
  /** How many interactive prompts passed the first background one. */
  #passes = 0;

  constructor(
    readonly slots: number,
    readonly chunk: number,
  ) {}

  /** Sequences in slots. */
  get running(): number {
    return this.#running.length + (this.#prefilling ? 1 : 0);
  }

  /** Nothing to compute: there is no sequence, or each waits for its constraint's mask. */
  get idle(): boolean {
    return this.all().every((sequence) => sequence.waitsForMask);
  }

  /** Whether anyone interactive runs or waits. */
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
   * @param backgroundMayRun false keeps background prompts waiting, unless one stands in an interactive one's way.
   */
  plan(backgroundMayRun = true): Plan {
    this.#prefilling ??= this.#admit(backgroundMayRun);
    const sequence = this.#prefilling;
    const waits =
      sequence?.request.priority === 'background' &&
      !backgroundMayRun &&
      this.#waiting.interactive.length === 0;
    if (!sequence || waits) return { prefill: null, decode: this.#running };
    const from = sequence.computed;
    const chunk = sequence.readsPrompt ? Math.min(this.chunk, mostScored) : this.chunk;
    const to = chunkEnd(from, sequence.request.prompt.length, chunk);
    return { prefill: { sequence, slot: this.#running.length, from, to }, decode: this.#running };
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

  /** Every row makes a decode step longer: beside streams at most half as many as there are streams. */
  #roomForBackground(): boolean {
    const inBackground = this.#running.filter(({ request }) => request.priority === 'background').length;
    const streams = this.#running.length - inBackground;
    const most = Math.floor((streams > 0 ? Math.min(this.slots, streams) : this.slots) / 2);
    return inBackground < Math.max(1, most);
  }

  /** The prefilling sequence has its whole prompt in the cache: it decodes from now on. */
  promote(sequence: Sequence): void {
    if (this.#prefilling !== sequence) return;
    this.#prefilling = null;
    this.#running = [...this.#running, sequence];
  }

  /** Takes a sequence out, wherever it is. Returns the moves that close the gap, in order. */
  remove(id: number): Move[] {
    for (const queue of [this.#waiting.interactive, this.#waiting.background]) {
      const index = queue.findIndex((sequence) => sequence.id === id);
      if (index >= 0) queue.splice(index, 1);
    }
    if (this.#prefilling?.id === id) this.#prefilling = null;
    const gap = this.#running.findIndex((sequence) => sequence.id === id);
    if (gap < 0) return [];
    const moves: Move[] = [];
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
