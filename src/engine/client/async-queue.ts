/** The worker's messages on their way to one request: an unbounded queue with one consumer, which awaits its items. */
export class AsyncQueue<T> {
  #items: T[] = [];
  #waiting: { resolve(item: T): void; reject(error: Error): void } | null = null;
  #error: Error | null = null;

  push(item: T): void {
    if (this.#waiting) {
      this.#waiting.resolve(item);
      this.#waiting = null;
    } else this.#items.push(item);
  }

  /** Makes `next` reject with `error` once the items pushed before are consumed. */
  fail(error: Error): void {
    this.#error = error;
    this.#waiting?.reject(error);
    this.#waiting = null;
  }

  /** The oldest item, when there is one. Only one call at a time. @throws the error given to `fail` */
  next(): Promise<T> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve(item);
    if (this.#error) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }
}
