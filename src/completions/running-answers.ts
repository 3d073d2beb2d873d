/** The answers being made: each ends early when its client leaves, or when the server stops waiting for it. */
import type { ServerResponse } from 'node:http';
import { errors } from '../errors.js';

export class RunningAnswers {
  readonly #controllers = new Set<AbortController>();

  /** How many there are. */
  get size(): number {
    return this.#controllers.size;
  }

  /**
   * The signal of a new answer, which runs until `response` closes. It is aborted when that happens before
   * the response was complete, even if it happened before this call.
   */
  open(response: ServerResponse): AbortSignal {
    const controller = new AbortController();
    const close = () => {
      this.#controllers.delete(controller);
      if (!response.writableFinished) controller.abort(errors.clientGone());
    };
    this.#controllers.add(controller);
    if (response.destroyed) close();
    else response.once('close', close);
    return controller.signal;
  }

  /** Ends every answer with `reason`. */
  cancel(reason: Error): void {
    for (const controller of this.#controllers) controller.abort(reason);
  }
}
