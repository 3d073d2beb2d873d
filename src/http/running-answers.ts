/** The replies being made, each with a signal that ends it: its client left, its deadline passed, or the server stops. */
import { setMaxListeners } from 'node:events';
import type { ServerResponse } from 'node:http';
import { errors } from '../errors.js';
import { onReplyEnd } from './reply-end.js';

export class RunningAnswers {
  readonly #controllers = new Set<AbortController>();

  /** @param deadlineSeconds how long an answer may take at most */
  constructor(readonly deadlineSeconds: number) {}

  /** How many there are. */
  get size(): number {
    return this.#controllers.size;
  }

  /**
   * The signal of a new answer, which runs until `response` closes. It is aborted when that happens before
   * the response was complete, even if it happened before this call, and when the deadline has passed.
   */
  signalFor(response: ServerResponse): AbortSignal {
    const controller = new AbortController();
    // Each choice of an answer listens: Node would take more than ten for a leak, and warn in the middle of the log.
    setMaxListeners(0, controller.signal);
    const deadline = setTimeout(
      () => controller.abort(errors.deadlineExceeded(this.deadlineSeconds)),
      this.deadlineSeconds * 1000,
    );
    const close = () => {
      clearTimeout(deadline);
      this.#controllers.delete(controller);
      if (!response.writableFinished) controller.abort(errors.clientGone());
    };
    this.#controllers.add(controller);
    onReplyEnd(response, close);
    return controller.signal;
  }

  /** Ends every answer with `reason`. */
  cancel(reason: Error): void {
    for (const controller of this.#controllers) controller.abort(reason);
  }
}
