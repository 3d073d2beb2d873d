/**
 * What happened in one fit, for any number of readers. Of a stage's progress only the newest is kept, so the
 * log stays as short as the fit has layers; a reader takes what is new since it last looked, at its own pace, and
 * is nothing but a number here: slow ones hold nothing up and miss nothing but old progress.
 */
import type { FitEvent } from '../schemas/fit-events.js';
import type { FitJob, FitLayer } from '../schemas/fits.js';

type Content = FitEvent extends infer Event
  ? Event extends FitEvent
    ? Omit<Event, 'object' | 'id' | 'created_at'>
    : never
  : never;

export interface ReadOptions {
  /** The last event known: what came after it is read. */
  readonly after?: number;
  /** Milliseconds between two batches of events, at least. */
  readonly pace?: number;
  /** Milliseconds without an event after which an empty batch says that the job lives. */
  readonly silence?: number;
}

export class FitEventLog {
  #events: FitEvent[] = [];
  #lastId = 0;
  #ended = false;
  readonly #readers = new Set<(ended: boolean) => void>();

  /** A job's new status; the last one of a job that is over ends the log. */
  status({ status, error, concept, finished_at }: FitJob): void {
    this.#ended = finished_at !== null;
    this.#add({
      type: 'status',
      level: error === null ? 'info' : 'error',
      message: error === null ? status : `${status}: ${error.message}`,
      data: { status, error, concept },
    });
  }

  progress(stage: string, done: number, total: number): void {
    this.#events = this.#events.filter((event) => event.type !== 'progress' || event.data.stage !== stage);
    const message = `${stage} ${done}/${total}`;
    this.#add({ type: 'progress', level: 'info', message, data: { stage, done, total } });
  }

  layer(data: FitLayer): void {
    this.#add({ type: 'layer', level: 'info', message: `layer ${data.layer}`, data });
  }

  #add(content: Content): void {
    const id = String(++this.#lastId);
    const created_at = Math.floor(Date.now() / 1000);
    this.#events.push({ object: 'fit.event', id, created_at, ...content });
    for (const wake of [...this.#readers]) wake(this.#ended);
  }

  /** Whether nothing is left to read after that event, now or later. */
  isOver(after: number): boolean {
    return this.#ended && after >= this.#lastId;
  }

  /**
   * What happened so far, then what happens, in batches; it ends with the job.
   * @throws the signal's reason when aborted.
   */
  async *read(signal: AbortSignal, options: ReadOptions = {}): AsyncGenerator<readonly FitEvent[]> {
    const { pace = 100, silence = 15_000 } = options;
    let seen = options.after ?? 0;
    while (!this.isOver(seen)) {
      signal.throwIfAborted();
      const fresh = this.#events.filter(({ id }) => Number(id) > seen);
      if (fresh.length > 0) {
        seen = Number(fresh.at(-1)?.id);
        yield fresh;
        if (!this.#ended) await this.#wait(signal, pace, (ended) => ended);
      } else if (!(await this.#wait(signal, silence, () => true))) yield [];
    }
  }

  /** Waits for an event that `matters`, at most so long, and no longer than the signal. False when time ran out. */
  #wait(signal: AbortSignal, milliseconds: number, matters: (ended: boolean) => boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (woken: boolean) => {
        clearTimeout(timer);
        this.#readers.delete(wake);
        signal.removeEventListener('abort', abort);
        resolve(woken);
      };
      const wake = (ended: boolean) => {
        if (matters(ended)) done(true);
      };
      const abort = () => done(true);
      const timer = setTimeout(done, milliseconds, false);
      this.#readers.add(wake);
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) done(true);
    });
  }

  /** How many wait for what comes next. */
  get readers(): number {
    return this.#readers.size;
  }
}
