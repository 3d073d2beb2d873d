/**
 * `npm run fleet [-- --rounds 20 --seed 1 --api --concepts 10000]`: PostgreSQL, nginx, three servers and a worker as processes with the tiny model, and what a
 * fleet promises: the API through nginx, a fitted concept everywhere within a second, every part killed in turn under load, a rolling
 * restart without a failed request, and how much two servers answer over one. With `--concepts` instead of all that: three servers with so
 * many concepts. Exit code 1 when a promise is broken.
 */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from '../../src/common/random.js';
import { tinyChatModel, writeTinyChatModel } from '../commands/tiny-chat-model.js';
import { apiThroughNginx } from './api.js';
import { benchmarkGoesOn } from './benchmark.js';
import { apiCore, fitEverywhere } from './core.js';
import { Fleet } from './fleet.js';
import { killRound, knownConcept, parts } from './kills.js';
import { manyConcepts } from './many.js';
import { rollingRestart, twoOverOne } from './rolling.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    /** The API suite with the embedded model as well, which takes minutes. */
    api: { type: 'boolean', default: false },
    concepts: { type: 'string' },
  },
});
/** @throws for what is no integer of at least `least`, which would make a run that says nothing */
function integer(option: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`--${option} must be an integer of at least ${least}; received ${JSON.stringify(text)}`);
}
const rounds = integer('rounds', values.rounds, 0);
const seed = integer('seed', values.seed, 0);
/** More than those that it is compared with, a hundred. */
const concepts = values.concepts === undefined ? undefined : integer('concepts', values.concepts, 101);

const say = (text: string) => process.stdout.write(`${text}\n`);
const modelsDirectory = await mkdtemp(join(tmpdir(), 'steerd-fleet-models-'));
await mkdir(join(modelsDirectory, tinyChatModel));
await writeTinyChatModel(join(modelsDirectory, tinyChatModel));
let fleet: Fleet | undefined;
let failed = false;
const check = async (name: string, run: () => Promise<string>) => {
  try {
    say(`${name}: ${await run()}`);
  } catch (error) {
    failed = true;
    say(`${name}: FAILED ${error instanceof Error ? error.message : error}`);
    for (const part of [...(fleet?.replicas ?? []), fleet?.worker, fleet?.nginx])
      if (part !== undefined) say(`  ${part.name} said last: ${part.told.slice(-1000)}`);
  }
};

/** What a fleet promises, one after the other. */
async function everything(): Promise<void> {
  const running = await Fleet.start({ modelsDirectory, model: tinyChatModel, replicas: 3 });
  fleet = running;
  await check('the API through nginx', async () => (await apiCore(running, 'core')).join('; '));
  await check('a fitted concept everywhere within 1 s', async () => {
    const times = await fitEverywhere(running, 'everywhere');
    assert.ok(Math.max(...times) <= 1000, `${times}`);
    return `${times.map(Math.round).join(', ')} ms`;
  });
  const known = [await knownConcept(running, 'steady', 3), await knownConcept(running, 'other', 4)];
  await check('a rolling restart', async () => {
    const { requests, failed: lost, codes } = await rollingRestart(running, 8);
    assert.deepEqual([lost, codes], [0, [0, 0, 0]]);
    return `${requests} requests, none failed`;
  });
  await check('a benchmark whose worker is killed', () => benchmarkGoesOn(running, 'killed'));
  // Every part gets its turns, in an order of the seed's.
  const generator = new Random(seed);
  const random = () => generator.uniform();
  const order = Array.from({ length: rounds }, (_, at) => parts[at % parts.length] ?? 'replica')
    .map((part) => ({ part, place: random() }))
    .sort((a, b) => a.place - b.place);
  for (const [at, { part }] of order.entries())
    await check(`round ${at + 1}`, async () => {
      const {
        answered,
        failed: lost,
        brokenStreams,
      } = await killRound(running, part, seed * 1000 + at, known);
      return `${part} killed: ${answered} answers, ${lost} failed, ${brokenStreams} streams broken`;
    });
  await check('two servers over one', async () => {
    const ratios = await twoOverOne(running, 8, 5, 3);
    const cores = `${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}`;
    return `${ratios.map((ratio) => ratio.toFixed(2)).join(', ')} (each pinned to one of ${cores}; 1.9 is asked for)`;
  });
  await fleet.stop();
  fleet = undefined;
  if (values.api) await check('the API suite through nginx', apiThroughNginx);
}

try {
  if (concepts === undefined) await everything();
  else
    await check('many concepts', async () => {
      await manyConcepts(modelsDirectory, concepts, say);
      return 'within their bounds';
    });
} finally {
  await fleet?.stop();
  await rm(modelsDirectory, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
