/**
 * The same streams through the built server: a process of its own, one keep-alive connection a stream. The
 * client only notes when bytes come, since on two cores whatever it does is taken from the server.
 */
import { Agent, request } from 'node:http';
import type { ServerProcess } from '../e2e/running-server.js';
import { rowsOf, type Steering, type StreamRun, steerings, streamCounts, throughput } from './engine.js';
import { inRounds } from './measure.js';
import type { Row } from './report.js';

export interface HttpBench {
  readonly server: ServerProcess;
  readonly model: string;
  /** Token ids: the prompt is the raw engine's. */
  readonly prompt: readonly number[];
  readonly concepts: readonly string[];
  readonly tokens: number;
}

/** One streamed text completion; the times at which its tokens came, in milliseconds. */
async function streamTimes(
  bench: HttpBench,
  agent: Agent,
  row: number,
  steering: Steering,
): Promise<number[]> {
  const concept = bench.concepts[steering === 'all steered alike' ? 0 : row % bench.concepts.length];
  const body = JSON.stringify({
    model: bench.model,
    prompt: [...bench.prompt, 100 + row],
    max_tokens: bench.tokens,
    temperature: 0,
    ignore_eos: true,
    stream: true,
    ...(steering === 'unsteered' ? {} : { concept, strength: 0.5 + 0.01 * row }),
  });
  const { hostname, port } = new URL(bench.server.url);
  return new Promise((resolve, reject) => {
    const call = request(
      {
        hostname,
        port,
        agent,
        method: 'POST',
        path: '/v1/completions',
        headers: { 'content-type': 'application/json' },
      },
      (reply) => {
        const times: number[] = [];
        let failure = '';
        reply.on('data', (chunk: Buffer) => {
          if (reply.statusCode !== 200) failure += chunk.toString();
          // An event ends with an empty line; a chunk may hold several.
          const now = performance.now();
          for (let at = chunk.indexOf('\n\n'); at >= 0; at = chunk.indexOf('\n\n', at + 2)) times.push(now);
        });
        reply.on('end', () => (failure ? reject(new Error(failure)) : resolve(times)));
        reply.on('error', reject);
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

/** So many streams at once, each on a connection of its own that is kept. */
export async function runHttpStreams(
  bench: HttpBench,
  agent: Agent,
  streams: number,
  steering: Steering,
): Promise<StreamRun> {
  const started = performance.now();
  const arrivals = await Promise.all(
    Array.from({ length: streams }, (_, row) => streamTimes(bench, agent, row, steering)),
  );
  return {
    tokensPerSecond: throughput(arrivals),
    firstTokenMs: Math.max(...arrivals.map((times) => times[0] ?? 0)) - started,
  };
}

export async function benchHttp(
  bench: HttpBench,
  rounds: number,
  counts: readonly number[] = streamCounts,
): Promise<{ rows: Row[]; eightStreams: number }> {
  const agent = new Agent({ keepAlive: true });
  const rows: Row[] = [];
  let eightStreams = 0;
  for (const streams of counts) {
    const firstTokens = new Map<string, number>();
    const reached = await inRounds(
      steerings.map((name) => ({
        name,
        run: async () => {
          const run = await runHttpStreams(bench, agent, streams, name);
          firstTokens.set(name, run.firstTokenMs);
          return run.tokensPerSecond;
        },
      })),
      rounds,
    );
    rows.push(...rowsOf('HTTP', streams, reached, firstTokens));
    if (streams === 8) eightStreams = reached.median('unsteered');
  }
  agent.destroy();
  return { rows, eightStreams };
}
