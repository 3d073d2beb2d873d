/**
 * This build beside another one, in one run: both servers are up, and answer the same streams in turns. What is told
 * is the ratio of each round, for only what ran side by side compares on a shared machine.
 */
import { Agent } from 'node:http';
import { join } from 'node:path';
import { startServerProcess, temporaryData } from '../e2e/running-server.js';
import type { Steering } from './engine.js';
import { type HttpBench, runHttpStreams } from './http.js';
import { inRounds } from './measure.js';
import type { Row } from './report.js';

const compared: readonly Steering[] = ['unsteered', 'every row its own concept'];

/** @param other a checkout of another commit, built */
export async function benchAgainst(
  other: string,
  bench: Omit<HttpBench, 'server'>,
  rounds: number,
): Promise<{ rows: Row[] }> {
  const data = await Promise.all([temporaryData(), temporaryData()]);
  const mine = await startServerProcess(data[0].directory);
  const theirs = await startServerProcess(data[1].directory, {}, join(other, 'dist/src/cli.js'));
  const agent = new Agent({ keepAlive: true });
  const rows: Row[] = [];
  for (const streams of [1, 4, 16]) {
    for (const steering of compared) {
      const firstToken = new Map<string, number[]>([
        ['this', []],
        ['other', []],
      ]);
      const reached = await inRounds(
        [
          { name: 'this', server: mine },
          { name: 'other', server: theirs },
        ].map(({ name, server }) => ({
          name,
          run: async () => {
            const run = await runHttpStreams({ ...bench, server }, agent, streams, steering);
            firstToken.get(name)?.push(run.firstTokenMs);
            return run.tokensPerSecond;
          },
        })),
        streams === 1 ? 3 * rounds : rounds,
      );
      const ratios = reached.ratios('this', 'other');
      const quartile = (share: number) => ratios[Math.floor(share * (ratios.length - 1))] ?? Number.NaN;
      const least = (name: string) => Math.min(...(firstToken.get(name) ?? []));
      rows.push({
        section: 'this build / the other',
        case: steering,
        streams,
        figures: {
          'tokens/s here': reached.median('this'),
          'tokens/s there': reached.median('other'),
          'ratio, median': reached.ratio('this', 'other'),
          'lower quartile': quartile(0.25),
          'upper quartile': quartile(0.75),
          'ratio of fastest first tokens': least('this') / least('other'),
        },
      });
    }
  }
  agent.destroy();
  await Promise.all([mine.stop(), theirs.stop()]);
  await Promise.all(data.map(({ clean }) => clean()));
  return { rows };
}
