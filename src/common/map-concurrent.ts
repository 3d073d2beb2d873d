/**
 * `Promise.all` over a list, with a limit on how many promises are in flight and a signal that the first failure
 * aborts.
 */
import { setMaxListeners } from 'node:events';

/**
 * Runs `run` on every item, at most `limit` at a time. The first failure, or an abort of `signal`, aborts the signal
 * that the other runs were given; the returned promise settles only when none of them is running any more.
 * @returns the results in the order of the items
 * @throws the first failure, or the reason of `signal`
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
  // Every run listens to it, and more than ten are no leak.
  setMaxListeners(0, both);
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
      // Only the first failure is reported: the later ones are its consequences.
      if (!failed.signal.aborted) failed.abort(error);
    }),
  );
  await Promise.all(workers);
  signal.throwIfAborted();
  failed.signal.throwIfAborted();
  return results;
}
