/** A queue that one consumer awaits: what the worker posts goes in, what a request iterates comes out. */
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

  /** Items already pushed are still delivered; then `next` rejects. */
  fail(error: Error): void {
    this.#error = error;
    this.#waiting?.reject(error);
    this.#waiting = null;
  }

  next(): Promise<T> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve(item);
    if (this.#error) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }
}
