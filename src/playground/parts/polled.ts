/** What is asked for again and again while somebody looks at it. */
import { useEffect, useState } from 'preact/hooks';

export interface Polled<Value> {
  /** The newest; null before the first. */
  readonly value: Value | null;
  /** Why there is none now. */
  readonly error: unknown;
}

/**
 * Asks at once, and then with a pause between an answer and the next question; not while the page is hidden.
 * @param ask the same function each time
 * @param pause milliseconds
 */
export function usePolled<Value>(ask: (signal: AbortSignal) => Promise<Value>, pause: number): Polled<Value> {
  const [polled, setPolled] = useState<Polled<Value>>({ value: null, error: null });
  useEffect(() => {
    const leaving = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const next = async () => {
      if (!document.hidden) {
        try {
          const value = await ask(leaving.signal);
          if (!leaving.signal.aborted) setPolled({ value, error: null });
        } catch (error) {
          if (!leaving.signal.aborted) setPolled(({ value }) => ({ value, error }));
        }
      }
      if (!leaving.signal.aborted) timer = setTimeout(() => void next(), pause);
    };
    void next();
    return () => {
      leaving.abort();
      clearTimeout(timer);
    };
  }, [ask, pause]);
  return polled;
}
