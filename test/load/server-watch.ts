/** Watches the server from outside while it is under load: memory, and whether it comes to rest. */
import { setTimeout as pause } from 'node:timers/promises';

export interface MemorySample {
  /** Seconds since the load began. */
  readonly at: number;
  readonly bytes: number;
}

/** Samples the resident memory until `signal` is aborted. */
export async function watchMemory(url: string, signal: AbortSignal): Promise<MemorySample[]> {
  const samples: MemorySample[] = [];
  const started = performance.now();
  while (!signal.aborted) {
    const text = await (await fetch(`${url}/metrics`)).text();
    const bytes = Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]);
    samples.push({ at: (performance.now() - started) / 1000, bytes });
    await pause(500, undefined, { signal }).catch(() => {});
  }
  return samples;
}

/** Mean of the samples of one quarter (0 to 3) of the time. */
export function quarterMean(samples: readonly MemorySample[], quarter: number): number {
  const end = samples.at(-1)?.at ?? 0;
  const inside = samples.filter(({ at }) => at >= (quarter * end) / 4 && at <= ((quarter + 1) * end) / 4);
  return inside.reduce((sum, { bytes }) => sum + bytes, 0) / inside.length;
}

interface Load {
  readonly server_load: number;
  readonly running: number;
  readonly waiting: number;
}

/** What is left of the load when nobody asks any more: zeros, unless something leaked. */
export async function loadAtRest(url: string, seconds: number): Promise<Load> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const load = (await (await fetch(`${url}/load`)).json()) as Load;
    const idle = load.server_load === 0 && load.running === 0 && load.waiting === 0;
    if (idle || performance.now() > end) return load;
    await pause(100);
  }
}
