/** The raw engine: tokens per second and time to first token, unsteered, all rows alike, every row its own. */
import type { Engine } from '../../src/engine/engine.js';
import { type ActivationEdit, greedy } from '../../src/engine/protocol.js';
import { inRounds, type Rounds } from './measure.js';
import type { Ratio, Row } from './report.js';

export const streamCounts = [1, 2, 4, 8, 16] as const;

/** How the rows of a batch are steered. */
export const steerings = ['unsteered', 'all steered alike', 'every row its own concept'] as const;
export type Steering = (typeof steerings)[number];

export interface StreamRun {
  readonly tokensPerSecond: number;
  /** Milliseconds until the last of the streams had its first token. */
  readonly firstTokenMs: number;
}

/** Tokens per second while all streams run: from the last first token to the first end. */
export function throughput(arrivals: readonly (readonly number[])[]): number {
  const from = Math.max(...arrivals.map((times) => times[0] ?? 0));
  const to = Math.min(...arrivals.map((times) => times.at(-1) ?? 0));
  const inside = arrivals.flat().filter((time) => time > from && time <= to).length;
  return (inside * 1000) / (to - from);
}

async function runStreams(
  engine: Engine,
  prompt: readonly number[],
  edits: readonly ActivationEdit[],
  tokens: number,
): Promise<StreamRun> {
  const started = performance.now();
  const arrivals = await Promise.all(
    edits.map(async (edit, row) => {
      const times: number[] = [];
      const request = {
        prompt: [...prompt, 100 + row],
        maxTokens: tokens,
        stopTokens: [],
        minTokens: 0,
        sampling: greedy,
        edit,
        priority: 'interactive',
      } as const;
      for await (const _ of engine.generate(request)) times.push(performance.now());
      return times;
    }),
  );
  return {
    tokensPerSecond: throughput(arrivals),
    firstTokenMs: Math.max(...arrivals.map((times) => times[0] ?? 0)) - started,
  };
}

/** An edit per stream: none, the first for all, or one each. */
export function editsFor(
  steering: Steering,
  streams: number,
  edits: readonly ActivationEdit[],
): ActivationEdit[] {
  return Array.from({ length: streams }, (_, row) => {
    if (steering === 'unsteered') return [];
    return edits[steering === 'all steered alike' ? 0 : row % edits.length] ?? [];
  });
}

/** One row a steering: the median throughput, and the time to first token of the last round. */
export function rowsOf(
  section: string,
  streams: number,
  reached: Rounds,
  firstTokenMs: ReadonlyMap<string, number>,
): Row[] {
  return steerings.map((name) => ({
    section,
    case: name,
    streams,
    figures: {
      'tokens/s': reached.median(name),
      'ms to first token (last stream)': firstTokenMs.get(name) ?? 0,
    },
  }));
}

export async function benchEngine(
  engine: Engine,
  prompt: readonly number[],
  edits: readonly ActivationEdit[],
  rounds: number,
  tokens: number,
  counts: readonly number[] = streamCounts,
): Promise<{ rows: Row[]; ratios: Ratio[]; eightStreams: number }> {
  const rows: Row[] = [];
  const ratios: Ratio[] = [];
  const unsteered = new Map<number, number>();
  for (const streams of counts) {
    const firstTokens = new Map<string, number>();
    const reached = await inRounds(
      steerings.map((name) => ({
        name,
        run: async () => {
          const run = await runStreams(engine, prompt, editsFor(name, streams, edits), tokens);
          firstTokens.set(name, run.firstTokenMs);
          return run.tokensPerSecond;
        },
      })),
      // Blocks of few streams are short and noisy: they need more rounds for the same certainty.
      streams <= 2 ? 3 * rounds : rounds,
    );
    rows.push(...rowsOf('engine', streams, reached, firstTokens));
    unsteered.set(streams, reached.median('unsteered'));
    ratios.push({
      what: `cost of steering every row with its own concept, ${streams} streams (%)`,
      value: 100 * (1 - reached.ratio('every row its own concept', 'unsteered')),
      kind: 'at most',
      bound: 5,
    });
  }
  ratios.push({
    what: '8 streams / 1 stream, tokens per second',
    value: (unsteered.get(8) ?? 0) / (unsteered.get(1) ?? 1),
    kind: 'at least',
    bound: 2.2,
  });
  return { rows, ratios, eightStreams: unsteered.get(8) ?? 0 };
}
