/** `Promise.all` over a list with at most so many in flight, and one way out. */

/**
 * Maps `items` in order, `limit` at a time. The first failure (or the caller's abort) aborts the signal that
 * the others run under; the promise settles only when none is left running.
 */
export async function mapConcurrent<Item, Result>(
  items: readonly Item[],
  limit: number,
  signal: AbortSignal,
  run: (item: Item, index: number, signal: AbortSignal) => Promise<Result>,
): Promise<Result[]> {
  signal.throwIfAborted();
  const failed = new AbortController();
  const both = AbortSignal.any([signal, failed.signal]);
  const results: Result[] = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      both.throwIfAborted();
      const index = next++;
      results[index] = await run(items[index] as Item, index, both);
    }
  };
  const workers = Array.from({ length: Math.min(limit, items.length) }, () =>
    worker().catch((error: unknown) => {
      // Only the first reason counts: the rest end because of it.
      if (!failed.signal.aborted) failed.abort(error);
    }),
  );
  await Promise.all(workers);
  signal.throwIfAborted();
  failed.signal.throwIfAborted();
  return results;
}
