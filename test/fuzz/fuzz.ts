/**
 * The fuzzer: seeded requests derived from the published description, against a running server. Every answer must be
 * one that the description allows, and come in time.
 */
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
    await remember(url, asked, answer, names);
  };

  let next = 0;
  const work = async () => {
    while (next < options.requests) await one(next++, requests.next());
  };
  await Promise.all(Array.from({ length: options.concurrency }, work));
  return { faults, statuses, slowest, refusedThoughValid };
}

/** Learns names from what was answered; a job that began is cancelled sooner or later, so that they do not pile up. */
async function remember(url: string, asked: FuzzRequest, answer: Answer, names: KnownNames): Promise<void> {
  if (answer.status >= 300) return;
  const { id } = asked.operation;
  if (asked.method !== asked.operation.method) return;
  const parsed = () => JSON.parse(answer.body.toString()) as { id: string; name?: string };
  if (['importConceptVectors', 'composeConcept'].includes(id)) names.made.add(parsed().name ?? parsed().id);
  if (id === 'deleteConcept') names.made.delete(parsed().id);
  if (id === 'createBenchmark')
    setTimeout(() => void cancel(`${url}/v1/benchmarks/${encodeURIComponent(parsed().id)}`), 1500).unref();
  if (!['createFit', 'createConcept'].includes(id)) return;
  const fit = parsed().id;
  names.fits.push(fit);
  setTimeout(() => void cancelFit(url, fit), 1500).unref();
}

export const cancelFit = (url: string, id: string) => cancel(`${url}/v1/fits/${id}`);

const cancel = (job: string) =>
  fetch(`${job}/cancel`, { method: 'POST' }).then(
    (reply) => reply.arrayBuffer(),
    () => undefined,
  );

const shownRequest = ({ method, path, headers, body }: FuzzRequest) =>
  `${method} ${path.slice(0, 200)} ${headers['content-type'] ?? ''} ${(body ?? '').slice(0, 1500)}`;
