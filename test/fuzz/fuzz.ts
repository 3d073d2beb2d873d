/**
 * The fuzzer: seeded requests derived from the published description, against a running server. Every answer must be
 * one that the description allows, and come in time.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerProcess } from '../e2e/running-server.js';
import { Description } from './document.js';
import { judge, takenWrongly } from './judge.js';
import { type FuzzRequest, type KnownNames, Requests } from './requests.js';
import { type Answer, send } from './send.js';

export interface FuzzOptions {
  /** Name of a concept that has an attention map. */
  readonly fitted: string;
  readonly seed: number;
  readonly requests: number;
  /** Requests under way at once. */
  readonly concurrency: number;
  /** Milliseconds that an answer may take: a hang, not slowness. */
  readonly deadline: number;
}

export interface FuzzReport {
  readonly faults: readonly string[];
  /** By operation: how often each status was answered. */
  readonly statuses: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Longest answer, in milliseconds, and the operation it was of. */
  readonly slowest: readonly [number, string];
  readonly refusedThoughValid: readonly string[];
}

/** In characters; the server's own limits are larger. */
const largestBody = 2 ** 20;

interface ListedConcept {
  readonly name: string;
  readonly version: string;
}

export async function listConcepts(url: string): Promise<Map<string, string>> {
  const reply = await fetch(`${url}/v1/concepts?limit=1000`);
  const { data } = (await reply.json()) as { data: ListedConcept[] };
  return new Map(data.map(({ name, version }) => [name, version]));
}

/** Asks `options.requests` times. */
export async function fuzz(server: Pick<ServerProcess, 'url'>, options: FuzzOptions): Promise<FuzzReport> {
  const { url } = server;
  const description = await Description.read();
  const names: KnownNames = {
    model: 'smollm2-135m-instruct',
    shipped: [...(await listConcepts(url)).keys()].filter((name) => name !== options.fitted),
    fitted: options.fitted,
    made: new Set(),
    fits: [],
  };
  const requests = new Requests(description, names, options.seed);
  const faults: string[] = [];
  const statuses: Record<string, Record<string, number>> = {};
  const refusedThoughValid: string[] = [];
  let slowest: [number, string] = [0, ''];

  const one = async (number: number, asked: FuzzRequest): Promise<void> => {
    const fault = (what: string) =>
      faults.push(
        `#${number} ${asked.operation.id} (${asked.wrong ?? 'valid'}): ${what}\n    ${shownRequest(asked)}`,
      );
    let answer: Answer | null;
    try {
      answer = await send(url, asked, options.deadline);
    } catch (error) {
      // A body that is refused before it is read: the connection may be gone before the answer was.
      const cut = ['EPIPE', 'ECONNRESET'].includes((error as NodeJS.ErrnoException).code ?? '');
      if (!(cut && (asked.body?.length ?? 0) > largestBody)) fault(`no answer: ${error}`);
      return;
    }
    if (answer === null) {
      fault(`no end within ${options.deadline} ms`);
      return;
    }
    const counts = statuses[asked.operation.id] ?? {};
    statuses[asked.operation.id] = counts;
    counts[answer.status] = (counts[answer.status] ?? 0) + 1;
    if (answer.milliseconds > slowest[0]) slowest = [answer.milliseconds, shownRequest(asked)];
    const wrong = judge(description, asked, answer) ?? takenWrongly(description, asked, answer);
    if (wrong !== null) fault(wrong);
    if (asked.wrong === null && answer.status === 400) {
      refusedThoughValid.push(`${asked.operation.id}: ${answer.body.toString().slice(0, 200)}`);
    }
    remember(asked, answer, names);
  };

  let next = 0;
  const work = async () => {
    while (next < options.requests) await one(next++, requests.next());
  };
  const over = new AbortController();
  const cancelling = (async () => {
    while (!over.signal.aborted) {
      await pause(2000, undefined, { signal: over.signal }).catch(() => undefined);
      await cancelJobs(url, 2);
    }
  })();
  await Promise.all(Array.from({ length: options.concurrency }, work));
  over.abort();
  await cancelling;
  await cancelJobs(url, 0);
  return { faults, statuses, slowest, refusedThoughValid };
}

/** Learns names from what was answered. */
function remember(asked: FuzzRequest, answer: Answer, names: KnownNames): void {
  if (answer.status >= 300) return;
  const { id } = asked.operation;
  if (asked.method !== asked.operation.method) return;
  const parsed = () => JSON.parse(answer.body.toString()) as { id: string; name?: string };
  if (['importConceptVectors', 'composeConcept'].includes(id)) names.made.add(parsed().name ?? parsed().id);
  if (id === 'deleteConcept') names.made.delete(parsed().id);
  if (['createFit', 'createConcept'].includes(id)) names.fits.push(parsed().id);
}

const kinds = ['fits', 'calibrations', 'sweeps', 'benchmarks'] as const;

/**
 * Cancels jobs that have had their moment: they would pile up, and who waits for the last of them would wait for all. A list
 * that is refused (429, 503) is asked for again the next time.
 */
export async function cancelJobs(url: string, seconds: number): Promise<void> {
  for (const kind of kinds) {
    const list = await fetch(`${url}/v1/${kind}`).then(
      (reply) => reply.json() as Promise<{ data?: Job[] }>,
      () => ({ data: undefined }),
    );
    for (const { id, status, state, created_at, started_at } of list.data ?? []) {
      const open = ['queued', 'running'].includes(status ?? state ?? '');
      const at = created_at ?? started_at ?? 0;
      if (open && Date.now() / 1000 - at >= seconds)
        await fetch(`${url}/v1/${kind}/${encodeURIComponent(id)}/cancel`, { method: 'POST' }).then(
          (reply) => reply.arrayBuffer(),
          () => undefined,
        );
    }
  }
}

/** Of a benchmark the latter of both. */
interface Job {
  readonly id: string;
  readonly status?: string;
  readonly state?: string;
  readonly created_at?: number;
  readonly started_at?: number;
}

const shownRequest = ({ method, path, headers, body }: FuzzRequest) =>
  `${method} ${path.slice(0, 200)} ${headers['content-type'] ?? ''} ${(body ?? '').slice(0, 1500)}`;
