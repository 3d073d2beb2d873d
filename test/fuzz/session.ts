/** A server's whole life under the fuzzer: what is asked of it, what is left afterwards, and what a restart finds. */
import { setTimeout as pause } from 'node:timers/promises';
import { type ServerProcess, startServerProcess, temporaryData } from '../e2e/running-server.js';
import { leastAtRest, residentBytes } from '../helpers/resident-memory.js';
import { type FuzzOptions, type FuzzReport, fuzz, listConcepts } from './fuzz.js';
import { closeConnections } from './send.js';

export interface SessionReport extends FuzzReport {
  /** Resident bytes before, and when the server was at rest again. */
  readonly memory: readonly [before: number, after: number];
  readonly concepts: number;
  readonly seconds: number;
}

/** A short context keeps answers short for which max_tokens is lost. No hub is there: nothing leaves this machine. */
const settings = { STEERD_CONTEXT: '128', HF_ENDPOINT: 'http://127.0.0.1:9' };
const fitted = 'attended';
/** Growth that is no leak: kept beginnings of prompts (STEERD_PREFIX_MEMORY, 256 MiB), the capture graph of fits, grammars. */
const mostGrowth = 500 * 2 ** 20;

/** Runs the fuzzer against a server of its own; the faults are those of answers and those found afterwards. */
export async function fuzzSession(options: Omit<FuzzOptions, 'fitted'>): Promise<SessionReport> {
  const data = await temporaryData();
  let server = await startServerProcess(data.directory, settings);
  try {
    await fitWithAttention(server);
    const before = await residentBytes(server.url);
    const started = performance.now();
    const report = await fuzz(server, { ...options, fitted });
    const seconds = (performance.now() - started) / 1000;
    const faults = [...report.faults];
    const load = await atRest(server.url, 30);
    const left = (load.server_load ?? 1) + (load.running ?? 1) + (load.waiting ?? 1);
    if (left > 0) faults.push(`left behind: ${JSON.stringify(load)}`);
    const { url } = server;
    const after = await leastAtRest(() => residentBytes(url));
    if (!(after - before < mostGrowth)) faults.push(`memory grew from ${before} to ${after} bytes`);
    const stored = await listConcepts(server.url);
    if (/"level":(50|60)/.test(server.log()))
      faults.push(`the log has errors: ${server.log().slice(0, 4000)}`);
    closeConnections();
    if ((await server.stop()) !== 0) faults.push('the server did not end well');
    server = await startServerProcess(data.directory, settings);
    const kept = await listConcepts(server.url);
    if (JSON.stringify([...stored]) !== JSON.stringify([...kept])) {
      faults.push(`concepts changed over a restart: ${JSON.stringify([[...stored], [...kept]])}`);
    }
    if (server.log().includes('concept file refused')) faults.push(`a file is damaged: ${server.log()}`);
    return { ...report, faults, memory: [before, after], concepts: stored.size, seconds };
  } finally {
    closeConnections();
    await server.kill();
    await data.clean();
  }
}

/** A concept that has an attention map, so that there is one to be asked for. */
async function fitWithAttention({ url }: ServerProcess): Promise<void> {
  const statements = ['The day was long.', 'I went home.'];
  const started = await fetch(`${url}/v1/fits`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      name: fitted,
      recipe: 'attention',
      prefix: 'You love snow.',
      statements: { positive: statements, negative: statements },
      calibrate: false,
    }),
  });
  const { id } = (await started.json()) as { id: string };
  for (;;) {
    const { status } = (await (await fetch(`${url}/v1/fits/${id}`)).json()) as { status: string };
    if (status === 'succeeded') return;
    if (!['queued', 'running'].includes(status)) throw new Error(`the fit before the fuzzing ${status}`);
    await pause(50);
  }
}

/** What /load says once nothing is left to do, or after so many seconds. */
async function atRest(url: string, seconds: number): Promise<Record<string, number>> {
  for (let tries = seconds * 10; ; tries--) {
    const load = (await (await fetch(`${url}/load`)).json()) as Record<string, number>;
    const busy = (load.server_load ?? 0) + (load.running ?? 0) + (load.waiting ?? 0);
    if (busy === 0 || tries <= 0) return load;
    await pause(100);
  }
}
