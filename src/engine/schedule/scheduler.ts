/** Decides which sequences run: which prompts are read, and which sequences decode. */

import { chunkEnd, paddedLength, scoredChunk } from './chunks.js';
import type { RunLimits } from './pace.js';
import { isInteractive, type Sequence } from './sequence.js';
import { type Reading, type RowMove, SlotTable } from './slot-table.js';

/** A chunk of a prompt: its tokens [from, to). It is empty when all of the prompt is known already. */
export interface PrefillChunk {
  readonly sequence: Sequence;
  readonly slot: number;
  readonly from: number;
  readonly to: number;
}

export interface Prefill {
  /** Of sequences of one priority. Several are whole prompts, in neighbouring slots. */
  readonly chunks: readonly PrefillChunk[];
  /** Whether they are computed by one run of whole prompts; else there is one chunk, computed by itself. */
  readonly whole: boolean;
}

export interface Plan {
  /** To be done before anything is computed. */
  readonly moves: readonly RowMove[];
  /** To be computed before the decode step. */
  readonly prefill: Prefill | null;
  /** Sequences that decode one token each; index = slot. */
  readonly decode: readonly Sequence[];
}

/** What the KV cache and the graph can do. */
export interface Abilities {
  /** Several prompts that nothing comes before are read in one run. */
  readonly batches: boolean;
  /** Rows can change places, so a prompt may pass one that is half read. */
  readonly passing: boolean;
}

/** How many prompts may go before a background one, or the oldest one, that could run, so that they do not starve it. */
const mostPasses = 3;
/** Of a run of whole prompts so much may be padding. */
const mostPadding = 0.25;
/** Longer prompts of one priority that are read at once: one passes the other. */
const mostLong = 2;

export class Scheduler {
  readonly #waiting: { interactive: Sequence[]; background: Sequence[] } = {
    interactive: [],
    background: [],
  };
  readonly #table: SlotTable;
  /** How many interactive prompts went before a background one. */
  #passes = 0;
  /** How many shorter prompts went before the oldest one. */
  #shorter = 0;
  #limits: RunLimits;

  /**
   * @param chunk tokens of prompts that are computed at once
   * @param begin a sequence gets a slot: puts there what is known of its prompt already, and returns how many tokens
   * @param awaits whether a waiting sequence had better wait until another one's prompt is read, and find it then
   */
  constructor(
    readonly slots: number,
    readonly chunk: number,
    readonly begin: (sequence: Sequence, slot: number) => number = () => 0,
    readonly abilities: Abilities = { batches: false, passing: false },
    readonly awaits: (waiting: Sequence, reading: Sequence) => boolean = () => false,
  ) {
    this.#table = new SlotTable(slots);
    this.#limits = { whole: chunk, part: chunk };
  }

  /** Sequences in slots. */
  get running(): number {
    return this.#table.used;
  }

  /** The slots that sequences have. */
  get taken(): readonly number[] {
    return [...this.#table.running.keys(), ...this.#table.reading.map(({ slot }) => slot)];
  }

  /** Whether there is nothing to compute: no sequence, or all wait for their constraints' masks. */
  get idle(): boolean {
    return this.all().every((sequence) => sequence.waitsForMask);
  }

  /** Whether an interactive sequence runs or waits. */
  get streaming(): boolean {
    return this.#waiting.interactive.length > 0 || [...this.#table.all()].some(isInteractive);
  }

  /** Whether an interactive sequence waits for its next token, and so for every prompt that is read. */
  get holdsUp(): boolean {
    return this.#table.running.some(isInteractive);
  }

  enqueue(sequence: Sequence): void {
    this.#waiting[sequence.request.priority].push(sequence);
  }

  /**
   * What to compute now.
   * @param backgroundMayRun false keeps background prompts waiting, except one that an interactive one waits for
   */
  plan(backgroundMayRun = true, limits: RunLimits = { whole: this.chunk, part: this.chunk }): Plan {
    this.#limits = limits;
    this.#admit(backgroundMayRun);
    const decode = this.#table.running;
    const next = this.#next(backgroundMayRun);
    if (!next) return { moves: [], prefill: null, decode };
    const together = this.#together(next);
    if (together.length > 0) {
      const moves = this.#table.lineUp(together);
      const chunks = together.map(({ sequence, slot }) => {
        return { sequence, slot, from: 0, to: sequence.request.prompt.length };
      });
      return { moves, prefill: { chunks, whole: true }, decode };
    }
    const { sequence, slot, known } = next;
    const from = sequence.computed;
    const isFirst = from === known;
    const size = isFirst && left(sequence) <= this.#whole(sequence) ? this.#whole(sequence) : limits.part;
    const end = sequence.request.prompt.length;
    const to = chunkEnd(from, end, sequence.readsPrompt ? scoredChunk(size) : size);
    return { moves: [], prefill: { chunks: [{ sequence, slot, from, to }], whole: false }, decode };
  }

  /** Tokens of a run that ends prompts like this one. Streams do not wait longer for a background one than they must. */
  #whole(sequence: Sequence): number {
    return isInteractive(sequence) || !this.holdsUp ? this.#limits.whole : this.#limits.part;
  }

  /** Gives slots to waiting sequences: to as many as one run can read, and to those that may pass others. */
  #admit(backgroundMayRun: boolean): void {
    const { interactive, background } = this.#waiting;
    const allowed = backgroundMayRun ? background : [];
    const backgroundFirst = this.#passes >= mostPasses;
    if (backgroundFirst) this.#admitFrom(allowed);
    const count = interactive.length;
    this.#admitFrom(interactive);
    if (!backgroundFirst) this.#admitFrom(allowed);
    if (interactive.length < count && allowed.length > 0 && this.#roomForBackground()) this.#passes++;
  }

  #admitFrom(queue: Sequence[]): void {
    const [oldest] = queue;
    if (!oldest) return;
    const order = [...queue].sort((a, b) => left(a) - left(b));
    if (this.#shorter >= mostPasses) order.unshift(oldest);
    for (const sequence of order) {
      const at = queue.indexOf(sequence);
      if (at < 0 || !this.#hasPlace(sequence)) continue;
      queue.splice(at, 1);
      this.#table.add(sequence, this.begin);
    }
  }

  #hasPlace(sequence: Sequence): boolean {
    if (this.running >= this.slots) return false;
    if (!isInteractive(sequence) && !this.#roomForBackground()) return false;
    const { reading } = this.#table;
    if (reading.length === 0) return true;
    if (reading.some((one) => this.awaits(sequence, one.sequence))) return false;
    if (!this.abilities.passing) return false;
    const others = reading.filter((one) => samePriority(one.sequence, sequence));
    const short = others.filter((one) => this.#isShort(one.sequence));
    if (this.#isShort(sequence))
      return tokensOf([...short.map((one) => one.sequence), sequence]) <= this.#whole(sequence);
    return others.length - short.length < mostLong;
  }

  /** Whether a prompt is read whole, together with others. */
  #isShort(sequence: Sequence): boolean {
    const { computed, readsPrompt, request } = sequence;
    // A run of one token has kernels of its own (chunks.ts), so such a prompt is not read with others.
    const isFresh = computed === 0 && !readsPrompt && request.prompt.length > 1;
    return this.abilities.batches && isFresh && tokensOf([sequence]) <= this.#whole(sequence);
  }

  /**
   * Whether one more background sequence may run. Every row makes a decode step longer: without streams (interactive
   * sequences) they may have half of the slots, else they may be half as many as the streams; in any case one may run.
   */
  #roomForBackground(): boolean {
    const all = [...this.#table.all()];
    const streams = all.filter(isInteractive).length;
    const most = Math.floor((streams > 0 ? Math.min(this.slots, streams) : this.slots) / 2);
    return all.length - streams < Math.max(1, most);
  }

  /** Whose prompt is read now: the one with the least left, but the oldest is passed a few times only. */
  #next(backgroundMayRun: boolean): Reading | null {
    const { reading } = this.#table;
    const interactive = reading.filter(({ sequence }) => isInteractive(sequence));
    // An interactive prompt that finds no slot waits for those that have them.
    const isBlocked = this.#waiting.interactive.length > 0 && interactive.length === 0;
    const background =
      backgroundMayRun || isBlocked ? reading.filter(({ sequence }) => !isInteractive(sequence)) : [];
    if (background.length > 0 && interactive.length > 0) this.#passes++;
    const backgroundRuns = interactive.length === 0 || this.#passes > mostPasses;
    const group = backgroundRuns && background.length > 0 ? background : interactive;
    if (group === background) this.#passes = 0;
    const [oldest] = [...group].sort((a, b) => a.sequence.id - b.sequence.id);
    const [shortest] = [...group].sort((a, b) => left(a.sequence) - left(b.sequence));
    if (!oldest || !shortest) return null;
    if (left(oldest.sequence) === left(shortest.sequence) || this.#shorter >= mostPasses) {
      this.#shorter = 0;
      return oldest;
    }
    this.#shorter++;
    return shortest;
  }

  /** The prompts that are read whole in one run with `next`; none when it is not read so. */
  #together(next: Reading): Reading[] {
    if (!this.#isShort(next.sequence)) return [];
    const others = this.#table.reading
      .filter(
        (one) => one !== next && samePriority(one.sequence, next.sequence) && this.#isShort(one.sequence),
      )
      .sort((a, b) => left(a.sequence) - left(b.sequence));
    const together = [next];
    for (const other of others) {
      const all = [...together, other].map(({ sequence }) => sequence);
      const tokens = tokensOf(all);
      const padding = tokens - all.reduce((sum, sequence) => sum + left(sequence), 0);
      if (tokens <= this.#whole(next.sequence) && padding <= mostPadding * tokens) together.push(other);
    }
    return together;
  }

  /** The sequence's whole prompt is in the cache: it decodes from now on. @returns the moves to be done before that */
  promote(sequence: Sequence): RowMove[] {
    return this.#table.promote(sequence);
  }

  /** Removes a sequence, whether it runs or waits. @returns the moves that close the gap, in order */
  remove(id: number): RowMove[] {
    for (const queue of [this.#waiting.interactive, this.#waiting.background]) {
      const index = queue.findIndex((sequence) => sequence.id === id);
      if (index >= 0) queue.splice(index, 1);
    }
    return this.#table.remove(id);
  }

  /** Every sequence this scheduler knows. */
  all(): Sequence[] {
    const { interactive, background } = this.#waiting;
    return [...this.#table.all(), ...interactive, ...background];
  }
}

const samePriority = (a: Sequence, b: Sequence) => a.request.priority === b.request.priority;

/** Tokens of the prompt that are still to be read. */
const left = ({ request, computed }: Sequence) => request.prompt.length - computed;

/** Tokens, padding included, of a run that reads these prompts whole. */
function tokensOf(sequences: readonly Sequence[]): number {
  const longest = sequences.reduce((most, { request }) => Math.max(most, request.prompt.length), 0);
  return sequences.length * paddedLength(longest);
}
