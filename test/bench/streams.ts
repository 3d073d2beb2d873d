/**
 * What people feel of the raw engine: how much sampling as they sample costs beside greedy, when the last of many
 * requests that come at once has its first token, and how long a stream waits for a token beside a long prompt.
 */
import type { Engine } from '../../src/engine/engine.js';
import { greedy, type Sampling } from '../../src/engine/protocol.js';
import { throughput } from './engine.js';
import { inRounds, median } from './measure.js';
import type { Ratio, Row } from './report.js';

const streams = 8;
const longPrompt = 3000;

const samplings: Readonly<Record<string, Partial<Sampling>>> = {
  greedy: {},
  'temperature 0.7, top_p 0.9': { temperature: 0.7, topP: 0.9 },
  'temperature 1.2, top_p 0.95': { temperature: 1.2, topP: 0.95 },
};

/** The arrivals of an answer's tokens (performance.now()), until it ends or is aborted. */
async function arrivals(
  engine: Engine,
  prompt: readonly number[],
  maxTokens: number,
  sampling: Partial<Sampling> = {},
  signal?: AbortSignal,
): Promise<number[]> {
  const times: number[] = [];
  const request = {
    prompt,
    maxTokens,
    stopTokens: [],
    minTokens: 0,
    sampling: { ...greedy, ...sampling },
    edit: [],
    priority: 'interactive',
  } as const;
  try {
    for await (const _ of engine.generate(request, signal)) times.push(performance.now());
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
  return times;
}

const many = <T>(count: number, one: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => one(index)));

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export async function benchStreams(
  engine: Engine,
  prompt: readonly number[],
  rounds: number,
  tokens: number,
): Promise<{ rows: Row[]; ratios: Ratio[] }> {
  /** No two texts begin alike, or the later one would be known already. */
  let texts = 0;
  const text = (length: number) => {
    const shift = ++texts;
    const token = (i: number) =>
      ((prompt[i % prompt.length] ?? 0) + 7 * shift + i) % engine.shape.vocabularySize;
    return Array.from({ length }, (_, i) => token(i));
  };
  const rows: Row[] = [];
  const ratios: Ratio[] = [];

  const reached = await inRounds(
    Object.entries(samplings).map(([name, sampling]) => ({
      name,
      run: async () =>
        throughput(await many(streams, (seed) => arrivals(engine, text(30), tokens, { ...sampling, seed }))),
    })),
    rounds,
  );
  for (const name of Object.keys(samplings)) {
    rows.push({ section: 'sampling', case: name, streams, figures: { 'tokens/s': reached.median(name) } });
    if (name === 'greedy') continue;
    const value = 100 * (1 - reached.ratio(name, 'greedy'));
    ratios.push({ what: `cost of ${name}, ${streams} streams (%)`, value, kind: 'at most', bound: 5 });
  }

  for (const count of [8, 16]) {
    const last: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const started = performance.now();
      const first = await many(count, async () => (await arrivals(engine, text(40), 2))[0] ?? Number.NaN);
      if (round > 0) last.push(percentile(first, 0.95) - started);
    }
    const figures = { 'ms to first token, 95th percentile': median(last) };
    rows.push({ section: 'started at once', case: 'prompts of 40 tokens', streams: count, figures });
  }

  const { alone, beside } = await gaps(engine, text);
  rows.push(
    { section: 'gaps', case: 'alone', streams, figures: { 'ms, 95th percentile': alone } },
    {
      section: 'gaps',
      case: `beside a prompt of ${longPrompt}`,
      streams,
      figures: { 'ms, 95th percentile': beside },
    },
  );
  ratios.push({
    what: `95th percentile gap of ${streams} streams beside a prompt of ${longPrompt} tokens / alone`,
    value: beside / alone,
    kind: 'at most',
    bound: 3,
  });
  return { rows, ratios };
}

/** 95th percentiles, in milliseconds, of the time between two tokens of a stream. */
async function gaps(engine: Engine, text: (length: number) => number[]) {
  const leaving = new AbortController();
  const running = many(streams, () => arrivals(engine, text(30), 1500, {}, leaving.signal));
  const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  await wait(1500);
  const from = performance.now();
  await wait(3000);
  const between = performance.now();
  await arrivals(engine, text(Math.min(longPrompt, engine.shape.capacity - 8)), 1);
  const to = performance.now();
  leaving.abort();
  const all = (await running).flatMap((times) =>
    times.slice(1).map((time, i) => ({ time, gap: time - (times[i] ?? time) })),
  );
  const within = (start: number, end: number) =>
    percentile(
      all.flatMap(({ time, gap }) => (time > start && time <= end ? [gap] : [])),
      0.95,
    );
  return { alone: within(from, between), beside: within(between, to) };
}
