/**
 * Which read (a score, projection or capture of given text) computes its next chunk. Interactive reads go first, equals
 * in the order of arrival. Reads that share a cache row cannot take turns: the one that has begun there is computed to
 * its end, or to where it can be interrupted, and an interactive read that waits for the row makes it urgent.
 */
import type { Priority } from '../protocol.js';

export interface QueuedRead {
  readonly id: number;
  readonly priority: Priority;
  /** The cache row that has its keys and values. */
  readonly row: string;
}

export interface NextRead<Read> {
  readonly read: Read;
  /** Whether it is interactive, or an interactive one waits for it. */
  readonly urgent: boolean;
}

export class ReadQueue<Read extends QueuedRead> {
  /** In the order of arrival. */
  #reads: Read[] = [];
  /** By row: the read that has begun there. */
  readonly #begun = new Map<string, Read>();

  get length(): number {
    return this.#reads.length;
  }

  add(read: Read): void {
    this.#reads.push(read);
  }

  /** The read whose chunk is next; it stays in the queue. */
  next(): NextRead<Read> | null {
    const urgent = this.#reads.find(({ priority }) => priority === 'interactive');
    const first = urgent ?? this.#reads[0];
    if (first === undefined) return null;
    return { read: this.#begun.get(first.row) ?? first, urgent: urgent !== undefined };
  }

  /** Reads that have not begun and need this row, in the order of arrival; none while another one has it. */
  waitingFor(row: string): readonly Read[] {
    return this.#begun.has(row) ? [] : this.#reads.filter((read) => read.row === row);
  }

  /** The read computes a chunk: its row is taken until it is removed. */
  begin(read: Read): void {
    this.#begun.set(read.row, read);
  }

  /** The read can be interrupted here: others may have its row until it begins again. */
  pause(read: Read): void {
    if (this.#begun.get(read.row) === read) this.#begun.delete(read.row);
  }

  /** When it is done or cancelled. */
  remove(id: number): void {
    for (const [row, read] of this.#begun) if (read.id === id) this.#begun.delete(row);
    this.#reads = this.#reads.filter((read) => read.id !== id);
  }
}
