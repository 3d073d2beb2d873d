/** Watches the server from outside while it is under load: memory, and whether it comes to rest. */
import { setTimeout as pause } from 'node:timers/promises';
import { residentBytes } from '../helpers/resident-memory.js';
import { authorized } from './requests.js';

export interface MemorySample {
  /** Seconds since the load began. */
  readonly at: number;
  readonly bytes: number;
}

/** Waits until the resident memory is down to `bytes`, at most so long. @returns what it is then, and after how long */
export async function givenBack(url: string, bytes: number, seconds: number): Promise<MemorySample> {
  const started = performance.now();
  for (;;) {
    const now = { at: (performance.now() - started) / 1000, bytes: await residentBytes(url, authorized) };
    if (now.bytes <= bytes || now.at >= seconds) return now;
    await pause(1000);
  }
}

interface LoggedLine {
  readonly reqId?: string;
  readonly key_name?: string;
  readonly msg?: string;
}

/** The lines of requests in a log: how many say that one is complete, and how many do not say whose it was. */
export function attribution(log: string): { readonly completed: number; readonly nobodys: number } {
  let completed = 0;
  let nobodys = 0;
  for (const text of log.split('\n')) {
    if (!text.includes('"reqId"')) continue;
    const line = JSON.parse(text) as LoggedLine;
    if (line.msg === 'request completed') completed++;
    if (line.key_name === undefined) nobodys++;
  }
  return { completed, nobodys };
}

/** Samples the resident memory until `signal` is aborted. */
export async function watchMemory(url: string, signal: AbortSignal): Promise<MemorySample[]> {
  const samples: MemorySample[] = [];
  const started = performance.now();
  while (!signal.aborted) {
    const bytes = await residentBytes(url, authorized);
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
    const load = (await (await fetch(`${url}/load`, { headers: authorized })).json()) as Load;
    const idle = load.server_load === 0 && load.running === 0 && load.waiting === 0;
    if (idle || performance.now() > end) return load;
    await pause(100);
  }
}
