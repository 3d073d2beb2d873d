/** What a test opened is closed when it ends, the last first: a page before the server that it asks. */
import type { TestContext } from 'node:test';

type Close = () => Promise<unknown>;

const closings = new WeakMap<TestContext, Close[]>();

/** Hooks of `after` run in the order in which they were made, so one runs all of these. */
export function closeInTurn(t: TestContext, close: Close): void {
  const known = closings.get(t);
  if (known) return void known.push(close);
  const own = [close];
  closings.set(t, own);
  t.after(async () => {
    for (const one of own.reverse()) await one();
  });
}
