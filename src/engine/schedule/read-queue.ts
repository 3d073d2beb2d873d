/**
 * Which score or capture computes its next chunk. Interactive ones come first; among equals the order is that
 * of arrival. Scores share a cache row, and so do captures, so the one that began there ends there: an interactive job
 * that finds it taken lends its urgency to the one in its way.
 */
import type { Priority } from '../protocol.js';

interface Queued {
  readonly id: number;
  readonly priority: Priority;
  /** Where its keys and values lie: jobs with the same memory cannot take turns. */
  readonly memory: string;
}

export interface NextJob<Job> {
  readonly job: Job;
  /** Whether an interactive job waits for it, or is it. */
  readonly urgent: boolean;
}

export class JobQueue<Job extends Queued> {
  /** In the order of arrival. */
  #jobs: Job[] = [];
  /** By memory: the job whose work lies there. */
  readonly #begun = new Map<string, Job>();

  get length(): number {
    return this.#jobs.length;
  }

  add(job: Job): void {
    this.#jobs.push(job);
  }

  /** Whose step is next, without taking it. */
  next(): NextJob<Job> | null {
    const urgent = this.#jobs.find(({ priority }) => priority === 'interactive');
    const first = urgent ?? this.#jobs[0];
    if (first === undefined) return null;
    return { job: this.#begun.get(first.memory) ?? first, urgent: urgent !== undefined };
  }

  /** The job computes a step: its memory is its own until it is removed. */
  begin(job: Job): void {
    this.#begun.set(job.memory, job);
  }

  /** Takes a job out, done or cancelled. */
  remove(id: number): void {
    for (const [memory, job] of this.#begun) if (job.id === id) this.#begun.delete(memory);
    this.#jobs = this.#jobs.filter((job) => job.id !== id);
  }
}
