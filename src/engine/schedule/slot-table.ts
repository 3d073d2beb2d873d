/**
 * Which sequence has which slot. Running sequences have the first slots, so a decode step always computes those.
 * Sequences whose prompts are being read have slots behind them, and change places when they join. It knows no tensors:
 * `RowMove` says which slot's keys and values go where.
 */
import type { Sequence } from './sequence.js';

/** Slot `to` gets the first `length` tokens of slot `from`; in an exchange slot `from` gets those of slot `to`, too. */
export interface RowMove {
  readonly from: number;
  readonly to: number;
  readonly length: number;
  readonly exchange: boolean;
}

/** A sequence whose prompt is being read. */
export interface Reading {
  readonly sequence: Sequence;
  slot: number;
  /** Tokens of its prompt that were in the slot when it began. */
  readonly known: number;
}

export class SlotTable {
  /** Index = slot. */
  running: readonly Sequence[] = [];
  /** In the order in which they got their slots. */
  reading: readonly Reading[] = [];

  constructor(readonly slots: number) {}

  get used(): number {
    return this.running.length + this.reading.length;
  }

  /** Every sequence that has a slot. */
  *all(): Iterable<Sequence> {
    yield* this.running;
    for (const { sequence } of this.reading) yield sequence;
  }

  /**
   * Gives a sequence whose prompt will be read a free slot: there is one.
   * @param begin puts there what is known of its prompt already, and returns how many tokens
   */
  add(sequence: Sequence, begin: (sequence: Sequence, slot: number) => number): void {
    const taken = new Set(this.reading.map(({ slot }) => slot));
    let slot = this.running.length;
    while (taken.has(slot)) slot++;
    const known = begin(sequence, slot);
    sequence.computed = known;
    this.reading = [...this.reading, { sequence, slot, known }];
  }

  /** Puts prompts that have nothing in their slots yet into the slots behind the running sequences. */
  lineUp(together: readonly Reading[]): RowMove[] {
    const moves: RowMove[] = [];
    together.forEach((one, index) => {
      const to = this.running.length + index;
      if (one.slot === to) return;
      const other = this.reading.find(({ slot }) => slot === to);
      if (other) {
        const { computed: length } = other.sequence;
        if (length > 0) moves.push({ from: to, to: one.slot, length, exchange: false });
        other.slot = one.slot;
      }
      one.slot = to;
    });
    return moves;
  }

  /** The sequence's whole prompt is in its slot: it decodes from now on. @returns the moves to be done before that */
  promote(sequence: Sequence): RowMove[] {
    const reading = this.reading.find((one) => one.sequence === sequence);
    if (!reading) return [];
    this.reading = this.reading.filter((one) => one !== reading);
    const { slot: from } = reading;
    const to = this.running.length;
    this.running = [...this.running, sequence];
    if (from === to) return [];
    const other = this.reading.find(({ slot }) => slot === to);
    if (other) other.slot = from;
    const behind = other?.sequence.computed ?? 0;
    return [{ from, to, length: Math.max(sequence.computed, behind), exchange: behind > 0 }];
  }

  /** @returns the moves that close the gap */
  remove(id: number): RowMove[] {
    this.reading = this.reading.filter(({ sequence }) => sequence.id !== id);
    const gap = this.running.findIndex((sequence) => sequence.id === id);
    if (gap < 0) return [];
    const running = [...this.running];
    const last = running.pop();
    this.running = running;
    if (!last || gap === running.length) return [];
    running[gap] = last;
    return [{ from: running.length, to: gap, length: last.computed, exchange: false }];
  }
}
